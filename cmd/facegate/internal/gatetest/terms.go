package gatetest

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/pipeline/calibrate"
)

// Valid is how long an enrolment lasts under Lab.
const Valid = 180 * 24 * time.Hour

// Lab is a configuration for tests, with nothing but the terms of enrolment in it.
func Lab(t testing.TB) *configs.Config {
	t.Helper()
	c, err := configs.Parse("lab.yaml", strings.NewReader(fmt.Sprintf(
		"profile: lab\nsite: test\ngate: front\ndoor: {driver: sim}\nenrol: {valid_days: %d}\nretention: {idle_days: 90}\nlockout: {delay_after: 5, delay: 30s, disable_after: 8}\n",
		Valid/(24*time.Hour))))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Terms are those of Lab, for the embedder of the registry.
func Terms(t testing.TB, fpir float64) people.Terms {
	t.Helper()
	id := Bundle(t).Embedder.ID()
	calibration, err := calibrate.Shipped(id)
	if err != nil {
		t.Fatal(err)
	}
	notices, err := Lab(t).Particulars().Texts()
	if err != nil {
		t.Fatal(err)
	}
	c := people.Terms{Calibration: calibration, Judged: calibrate.Judged, FPIR: fpir, Notices: notices, Profile: Lab(t).Profile()}
	if _, err := hex.Decode(c.ModelID[:], []byte(id)); err != nil {
		t.Fatal(err)
	}
	return c
}

// Strictest returns the lowest false match rate that the calibration of c has a point for.
func Strictest(c people.Terms) float64 {
	points := c.Calibration.Decisions[0].Points
	return points[len(points)-1].FMR
}
