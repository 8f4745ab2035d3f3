//go:build matprofile

package vision_test

import (
	"bytes"
	"testing"

	"gocv.io/x/gocv"

	"facegate/device"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// TestMatProfile counts the gocv Mats that frames and Close leave behind, besides those of engines that other tests share. There is
// none, so one frame of each kind would tell; there are 10 of each, and 62 with FACEGATE_SLOW.
func TestMatProfile(t *testing.T) {
	count := 40
	if slow() {
		count = 250
	}
	before := gocv.MatProfile.Count()
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			e, err := vision.Open(visiontest.Networks(t, bundle, "", "frliveness", "minifasv2se"))
			if err != nil {
				t.Fatal(err)
			}
			frames := []device.Frame{
				still(t, "p01", 1), picture(t, near), yuyv(320, 240),
				{Format: device.JPEG, Data: still(t, "p01", 1).Data[:4000]},
			}
			for i := range count {
				useFrame(t, e, frames[i%len(frames)])
			}
			for _, f := range hostileFaces() {
				tryFace(t, e, f.face)
			}
			e.Close()
			broken := visiontest.Networks(t, bundle, "")
			broken.Embedder.Data = broken.Embedder.Data[:1000]
			if _, err := vision.Open(broken); err == nil {
				t.Error("a network cut short was opened")
			}
			if n := gocv.MatProfile.Count() - before; n != 0 {
				var where bytes.Buffer
				gocv.MatProfile.WriteTo(&where, 1)
				t.Errorf("%d Mats were not closed:\n%s", n, &where)
			}
		})
	}
}
