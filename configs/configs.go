// Package configs reads the configuration of one gate: the reference file with every key and its default, a strict
// parser that turns a technician's file into a checked Config. What law makes of a Config is for package law to say, and what
// people are told of it for package notice.
package configs

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // boards come without zones, or with old ones

	"facegate/configs/address"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/passage"
)

// A Config is the complete configuration of one gate. Parse has checked every value of it; it is not changed afterwards.
type Config struct {
	Jurisdiction law.Jurisdiction `yaml:"profile"` // whose law the gate stands under; Profile resolves it

	Site string `yaml:"site"` // name of the building, one level of an MQTT topic
	Gate string `yaml:"gate"` // name of this gate within the site, one level of an MQTT topic

	TimeZone string `yaml:"time_zone"` // IANA name of the site's, "" where nothing goes by the time of day

	Door Door `yaml:"door"`

	StateDir string `yaml:"state_dir"` // absolute path of the folder of databases
	KeysDir  string `yaml:"keys_dir"`  // absolute path of the folder of their keyrings, beside StateDir; never empty after Parse
	KeyFile  string `yaml:"key_file"`  // absolute path of the device key, outside StateDir
	TPM      string `yaml:"tpm"`       // absolute path of the TPM 2.0 that the device key is sealed to, "" for a key in a plain file

	AnchorDir string `yaml:"anchor_dir"` // absolute path of the folder of what was erased, apart from both; never empty after Parse

	Camera   Camera   `yaml:"camera"`
	Vision   Vision   `yaml:"vision"`
	Zone     Zone     `yaml:"zone"`
	Quality  Quality  `yaml:"quality"`
	Liveness Liveness `yaml:"liveness"`
	Prompt   Prompt   `yaml:"prompt"`
	Kiosk    Kiosk    `yaml:"kiosk"`
	Match    Match    `yaml:"match"`
	Decide   Decide   `yaml:"decide"`
	Enrol    Enrol    `yaml:"enrol"`
	MQTT     MQTT     `yaml:"mqtt"`
	Witness  Witness  `yaml:"witness"`
	Control  Control  `yaml:"control"`
	Log      Log      `yaml:"log"`
	Metrics  Metrics  `yaml:"metrics"`

	Alternatives []passage.Way `yaml:"alternatives"` // the other ways in at this door, never none

	Passes      Passes             `yaml:"passes"`
	Readers     []Reader           `yaml:"readers"`
	PINs        PINs               `yaml:"pins"`
	Rules       []Rule             `yaml:"rules"`        // what opens the door; none: as the profile has it
	Plans       map[string][]Hours `yaml:"plans"`        // when rules count, by name, with the holidays of the door
	AgainAfter  time.Duration      `yaml:"again_after"`  // for so long whoever was let in is not let in again; 0: they are
	RefireAfter time.Duration      `yaml:"refire_after"` // for so long the same thing of the same person opens once; 0: each time

	Consent    Consent    `yaml:"consent"`
	Retention  Retention  `yaml:"retention"`
	Lockout    Lockout    `yaml:"lockout"`
	Assessment Assessment `yaml:"assessment"`
	Notice     Notice     `yaml:"notice"`
	IKnow      law.Mode   `yaml:"i_know"` // OneToMany accepts its risk where the profile asks for that, otherwise ""
}

// A PictureSource is where frames come from.
type PictureSource string

// The sources.
const (
	V4L2   PictureSource = "v4l2"   // a camera
	Replay PictureSource = "replay" // a recording
)

// A PixelFormat is what a camera is asked for.
type PixelFormat string

// The pixel formats.
const (
	AutoFormat PixelFormat = "auto" // MJPEG where the camera has it, otherwise YUYV
	MJPEG      PixelFormat = "mjpeg"
	YUYV       PixelFormat = "yuyv"
)

// Camera is the picture source and what is asked of it.
type Camera struct {
	Source PictureSource `yaml:"source"`
	Device string        `yaml:"device"`  // device node of a V4L2 camera
	Format PixelFormat   `yaml:"format"`  // of a V4L2 camera
	Width  int           `yaml:"width"`   // pixels, of a V4L2 camera
	Height int           `yaml:"height"`  // pixels, of a V4L2 camera
	FPS    int           `yaml:"fps"`     // frames a second
	Path   string        `yaml:"path"`    // recording: folder of JPEGs, MJPEG file, or "-" for standard input
	Loop   bool          `yaml:"loop"`    // play the recording again from its start
	MaxAge time.Duration `yaml:"max_age"` // an older frame never opens the door

	// FrozenAfter is how long a V4L2 camera may send the same picture before it is opened anew; 0 for ever.
	FrozenAfter time.Duration `yaml:"frozen_after"`

	// What is asked of a V4L2 camera that has such controls.
	Exposure  time.Duration `yaml:"exposure"`   // of each picture; 0 leaves it to the camera
	Gain      int           `yaml:"gain"`       // in units of the camera; -1 leaves it as it is
	PowerLine PowerLine     `yaml:"power_line"` // what lamps the camera goes by
	Backlight int           `yaml:"backlight"`  // in units of the camera; -1 leaves it as it is
}

// A PowerLine is what a camera does about lamps that flicker with the mains.
type PowerLine string

// What can be asked of a camera about lamps.
const (
	KeepPowerLine PowerLine = "keep" // as the camera has it
	NoPowerLine   PowerLine = "off"
	FiftyHz       PowerLine = "50hz"
	SixtyHz       PowerLine = "60hz"
	AutoPowerLine PowerLine = "auto" // few cameras know it
)

// A ModelBundle names a set of models that work together.
type ModelBundle string

// The bundles.
const (
	Registry ModelBundle = "registry"
	Zoo      ModelBundle = "zoo"
	Open     ModelBundle = "open"
)

// Vision chooses the models.
type Vision struct {
	Bundle      ModelBundle `yaml:"bundle"`
	ModelsDir   string      `yaml:"models_dir"`
	Embedder    string      `yaml:"embedder"`    // name of a model; "" is the bundle's own
	Liveness    []string    `yaml:"liveness"`    // names of models, their scores are fused; none means the preferred ones where they are, else the bundle's own
	Calibration string      `yaml:"calibration"` // file of thresholds; "" is the one shipped for the embedder
}

// Zone is where a face has to be to count as asking for the door.
type Zone struct {
	MinFace int    `yaml:"min_face"` // pixels, width of the face box
	Region  Region `yaml:"region"`
}

// A Region is a part of the picture, as fractions of its width and height from the top left corner.
type Region struct{ Left, Top, Right, Bottom float64 }

// Quality is what a face has to look like before it is compared.
type Quality struct {
	MinSharpness  float64 `yaml:"min_sharpness"`  // variance of the Laplacian of the grey face
	MinBrightness float64 `yaml:"min_brightness"` // mean grey level, 0..255
	MaxBrightness float64 `yaml:"max_brightness"` // mean grey level, 0..255
	MaxYaw        float64 `yaml:"max_yaw"`        // degrees, turned left or right
	MaxPitch      float64 `yaml:"max_pitch"`      // degrees, up or down
	MaxRoll       float64 `yaml:"max_roll"`       // degrees, tilted
	MaxSideLight  float64 `yaml:"max_side_light"` // degrees from which a lamp would light a face as unevenly; 90 for any
}

// Liveness is the presentation attack detection (ISO/IEC 30107): it tells a living face from a print or a screen.
type Liveness struct {
	Threshold Threshold `yaml:"threshold"` // from which a face counts as live
	Window    int       `yaml:"window"`    // frames whose mean score is judged
	Active    Active    `yaml:"active"`    // who is asked to turn the head
}

// A Threshold is a score, 0..1, or the one that was measured for the networks in use.
type Threshold struct {
	Auto  bool // the measured one; Score is 0
	Score float64
}

// Active says who is asked to turn the head before they are compared with anybody.
type Active string

// The answers.
const (
	ActiveOff    Active = "off"
	ActiveDoubt  Active = "doubt" // those of whom the networks cannot tell whether they are live
	ActiveAlways Active = "always"
)

// Prompt is how whoever is asked to turn the head is told where to look: by two lights, or by nothing of the gate's own.
type Prompt struct {
	LEDLeft   string `yaml:"led_left"`   // name of the GPIO line of the light to the left of the camera, as the person sees it; "" for none
	LEDRight  string `yaml:"led_right"`  // likewise to the right
	Chip      string `yaml:"chip"`       // label of their GPIO chip; "" finds the lines on any chip
	ActiveLow bool   `yaml:"active_low"` // they are lit at low level
}

// Lights reports whether there are lights.
func (p Prompt) Lights() bool { return p.LEDLeft != "" }

// Match is what a face is compared with, and how sure a comparison has to be.
type Match struct {
	Mode    law.Mode    `yaml:"mode"`    // AutoMode is resolved by Profile
	Trigger law.Trigger `yaml:"trigger"` // AutoTrigger is resolved by Profile
	FPIR    float64     `yaml:"fpir"`    // wanted false positive identification rate of one attempt (ISO/IEC 19795-1)
	Margin  float64     `yaml:"margin"`  // cosine by which the best person has to beat the second

	WhenAlike law.WhenAlike `yaml:"when_alike"` // AutoAlike is resolved by Profile
}

// A Judge is how agreeing frames are weighed.
type Judge string

// The ways of weighing them.
const (
	Mean  Judge = "mean"  // together, by the mean of their scores
	Every Judge = "every" // each by itself
)

// Decide is when agreeing frames become a decision.
type Decide struct {
	Judge  Judge         `yaml:"judge"`
	Agree  int           `yaml:"agree"`  // frames of one track that name the same person
	Window time.Duration `yaml:"window"` // within which they have to fall
	Rearm  time.Duration `yaml:"rearm"`  // absence after which the same person may open the door again
}

// Enrol is how a person is captured.
type Enrol struct {
	Frames    int           `yaml:"frames"`     // good frames that make one template
	Timeout   time.Duration `yaml:"timeout"`    // after which a capture is given up
	ValidDays int           `yaml:"valid_days"` // days until the template expires and is erased at the latest
}

// Consent is who may be asked for consent.
type Consent struct {
	Children law.Children `yaml:"children"`
	ChildAge int          `yaml:"child_age"` // years below which a guardian consents; 0 for those of the jurisdiction
}

// Retention is how long records live, besides Enrol.ValidDays.
type Retention struct {
	IdleDays      int `yaml:"idle_days"`       // days without a pass after which a template is erased
	AccessLogDays int `yaml:"access_log_days"` // days after which an access record is erased
}

// Lockout is law.Lockout, as the file has it.
type Lockout struct {
	DelayAfter   int           `yaml:"delay_after"`   // failures, then each further attempt has to wait
	Delay        time.Duration `yaml:"delay"`         // before each further attempt
	DisableAfter int           `yaml:"disable_after"` // failures, then faces no longer open the door; the other ways do
}

// Assessment is law.Assessment, as the file has it.
type Assessment struct {
	ID      string `yaml:"id"`      // reference; the URL of the policy in us-il
	Date    string `yaml:"date"`    // time.DateOnly
	Version string `yaml:"version"` // of the document
}

// Notice is notice.Statement, as the file has it.
type Notice struct {
	Version       string `yaml:"version"`        // changed with the text; part of every consent
	Controller    string `yaml:"controller"`     // who answers for the data
	Contact       string `yaml:"contact"`        // of the controller
	Officer       string `yaml:"officer"`        // contact of the data protection officer, "" for none
	SignInstalled bool   `yaml:"sign_installed"` // the operator confirms a sign that can be seen before the camera sees
	EN            Words  `yaml:"en"`
	ZH            Words  `yaml:"zh"`

	Languages map[string]Language `yaml:"languages"` // further ones, by their tag (BCP 47)
}

// Words are notice.Words, as the file has them.
type Words struct {
	Place     string `yaml:"place"`     // where the door, and the device with the data, are
	Purpose   string `yaml:"purpose"`   // what faces are recognised for
	Necessity string `yaml:"necessity"` // why a face is needed for that
	Rights    string `yaml:"rights"`    // where and how a person uses their rights
}

// Brokers are where a gate finds a broker: one text in the file, or a list of them.
type Brokers []address.Address

// String returns the addresses, with a comma after each but the last.
func (b Brokers) String() string {
	var all []string
	for _, a := range b {
		all = append(all, a.String())
	}
	return strings.Join(all, ", ")
}

// MQTT is the broker that pass events go to.
type MQTT struct {
	Brokers      Brokers `yaml:"broker"`        // each is tried while the others do not serve; never empty after Parse
	ClientID     string  `yaml:"client_id"`     // never empty after Parse
	Username     string  `yaml:"username"`      // "" connects without one
	PasswordFile string  `yaml:"password_file"` // file that holds the password, "" for none
	CAFile       string  `yaml:"ca_file"`       // PEM file of authorities for TLS, "" for the system's
	CertFile     string  `yaml:"cert_file"`     // PEM file of the certificate that this gate shows, "" for none
	KeyFile      string  `yaml:"key_file"`      // PEM file of its key, "" for none
	Plaintext    bool    `yaml:"plaintext"`     // events may go unencrypted to another machine
	Transfer     string  `yaml:"transfer"`      // reference of the decision that lets events leave the site, "" for none

	HomeAssistant HomeAssistant `yaml:"home_assistant"`

	Means      MeansTold     `yaml:"means"`      // whether events tell by what means of theirs somebody has passed
	Resolution time.Duration `yaml:"resolution"` // in which times are told, at least a millisecond
}

// HomeAssistant is whether a Home Assistant at the same broker learns of the gate by itself.
type HomeAssistant struct {
	Discovery bool   `yaml:"discovery"` // it is told what there is to see, and where
	Prefix    string `yaml:"prefix"`    // of the topics by which it discovers devices

	UnsignedOrders string `yaml:"unsigned_orders"` // UnsignedWords, or "": it opens nothing
}

// Control is the socket that the command line talks to.
type Control struct {
	Socket string `yaml:"socket"` // absolute path of a Unix socket
	Group  string `yaml:"group"`  // name of the group that may connect, "" for the daemon's own

	// OfficeGroup and TechnicianGroup are the groups whose members deal with people, or with door and camera. Where both are
	// "" everybody who may connect may do everything.
	OfficeGroup     string `yaml:"office_group"`
	TechnicianGroup string `yaml:"technician_group"`
}

// Log is what the daemon writes to standard error.
type Log struct {
	Level slog.Level `yaml:"level"`
}

//go:embed facegate.yaml
var reference []byte

// Reference returns the reference file: every key with its default, explained for a technician.
func Reference() []byte { return slices.Clone(reference) }

// MaxSize bounds a configuration file, in bytes. The reference has some 12 KiB.
const MaxSize = 64 << 10

// Defaults returns what the reference file has. It is no configuration of a gate: that has to be named, and to say of its door what
// kind it is.
func Defaults() *Config {
	cfg := new(Config)
	newDocument("facegate.yaml", string(reference)).decode(cfg)
	cfg.complete()
	return cfg
}

// complete sets what follows from other keys.
func (c *Config) complete() {
	c.KeysDir = cmp.Or(c.KeysDir, keysDir(c.StateDir))
	c.AnchorDir = cmp.Or(c.AnchorDir, anchorDir(c.KeyFile))
	if c.MQTT.ClientID == "" {
		c.MQTT.ClientID = clientID(c.Site, c.Gate)
	}
}

// keysDir returns the folder of keyrings where keys_dir does not name one.
func keysDir(state string) string { return filepath.Clean(state) + "-keys" }

// anchorDir returns the folder of what was erased where anchor_dir does not name one.
func anchorDir(keyFile string) string { return filepath.Join(filepath.Dir(keyFile), "anchor") }

// Parse reads a configuration from r. A key that the file leaves out has the value of the reference file. The keys profile,
// site and gate have to be given, and with the driver cdev door.kind and door.fail. So have alternatives, assessment and notice where the profile is for real people.
//
// Parse returns every fault of the file at once, joined. A fault that has a place in the file is an *Error. Errors call the
// file by name.
func Parse(name string, r io.Reader) (*Config, error) {
	cfg, _, err := Read(name, r)
	return cfg, err
}

// Read is Parse, and returns besides where in the file each key stands. Some faults show only when the gate is opened.
func Read(name string, r io.Reader) (*Config, *Source, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, nil, fmt.Errorf("configs: read %s: %w", name, err)
	}
	if len(text) > MaxSize {
		return nil, nil, tooLong(name)
	}
	doc, cfg := decoded(name, string(text))
	if len(doc.errs) == 0 {
		doc.validate(cfg)
	}
	if err := doc.refusal(); err != nil {
		return nil, nil, err
	}
	doc.clearUnspoken(cfg)
	cfg.complete()
	return cfg, &Source{doc}, nil
}

func tooLong(name string) error {
	return fmt.Errorf("configs: %s is longer than %d bytes", name, MaxSize)
}

// decoded returns what a text says, over what the reference has. Nothing of it is checked but its form.
func decoded(name, text string) (*document, *Config) {
	cfg := new(Config)
	defaults := newDocument("facegate.yaml", string(reference))
	defaults.decode(cfg)
	doc := newDocument(name, text)
	doc.usual, doc.errs = *cfg, defaults.errs
	doc.decode(cfg)
	return doc, cfg
}

// refusal returns all faults that were found, nil for none.
func (d *document) refusal() error {
	if err := errors.Join(d.errs...); err != nil {
		return hint.Wrap(err, "correct %s and check it with: facegate config check --config %s", d.name, d.name)
	}
	return nil
}
