package health

// A Name tells one condition from every other, for programs and for whoever is not to be told more. It is one of Names: no text that
// somebody wrote gets into it.
type Name string

// The names.
const (
	LabInUse           Name = "lab_in_use" // profile lab watches real people
	CameraStarting     Name = "camera_starting"
	CameraLost         Name = "camera_lost"
	RecordingEnded     Name = "recording_ended"
	FramesUnusable     Name = "frames_unusable"
	FramesHang         Name = "frames_hang" // what looks at them does not go on
	LockFault          Name = "lock_fault"  // the relay cannot be driven
	LineFault          Name = "line_fault"  // of another line of the door
	DoorForced         Name = "door_forced"
	DoorHeld           Name = "door_held" // it stands open for too long
	HousingOpen        Name = "housing_open"
	FireAlarm          Name = "fire_alarm"
	DoorShutsIn        Name = "door_shuts_in" // it may keep people from leaving
	PlanWaits          Name = "plan_waits"    // the schedule or a rule waits for the clock
	HolidaysPast       Name = "holidays_past"
	TemplatesDestroyed Name = "templates_destroyed"
	FacesOff           Name = "faces_off"
	PromptUnseen       Name = "prompt_unseen" // nothing shows where to turn the head
	NetworksUnusable   Name = "networks_unusable"
	LeftOut            Name = "left_out"      // something is, after crashes
	MeansFlooded       Name = "means_flooded" // a means opens nothing, after many that are nobody's
	MeansOff           Name = "means_off"     // it opens nothing for some people until that is taken back
	MeansSlowed        Name = "means_slowed"  // for moments
	ReaderFault        Name = "reader_fault"
	CodesUnread        Name = "codes_unread"   // the camera's frames cannot be decoded for passes
	RecordFull         Name = "record_full"    // what happens cannot be written down
	RecordsSilent      Name = "records_silent" // they do not answer
	RecordsShut        Name = "records_shut"   // they cannot be opened
	PeopleUnread       Name = "people_unread"  // who is on the list cannot be told
	PeopleIdle         Name = "people_idle"    // some cannot match
	ConsentOutdated    Name = "consent_outdated"
	GroupEmpty         Name = "group_empty" // a rule is for nobody
	ErasureOwed        Name = "erasure_owed"
	BrokerTrouble      Name = "broker_trouble"
	EventsLost         Name = "events_lost"
	WitnessAhead       Name = "witness_ahead"  // one has seen more of the audit log than there is
	WitnessSilent      Name = "witness_silent" // none has cosigned for long
	FileMended         Name = "file_mended"
	OlderCopy          Name = "older_copy"
	DiskUnread         Name = "disk_unread"
	DiskReadOnly       Name = "disk_read_only"
	DiskFull           Name = "disk_full"
	DiskNoFiles        Name = "disk_no_files" // it takes no more files
	SwapUnknown        Name = "swap_unknown"
	Swappable          Name = "swappable" // frames and keys can get to a disk
	LogLost            Name = "log_lost"
	UpdateTakenBack    Name = "update_taken_back"
	ClockWrong         Name = "clock_wrong" // or not known to be right
	AssessmentDue      Name = "assessment_due"
	ScreenFault        Name = "screen_fault"
	MetricsFault       Name = "metrics_fault" // monitoring cannot read them
	NotRunning         Name = "not_running"   // as who asks finds out
)

// Names returns every name. It is what a set of labels or a schema is made of.
func Names() []Name {
	return []Name{
		LabInUse, CameraStarting, CameraLost, RecordingEnded, FramesUnusable, FramesHang,
		LockFault, LineFault, DoorForced, DoorHeld, HousingOpen, FireAlarm,
		DoorShutsIn, PlanWaits, HolidaysPast, TemplatesDestroyed, FacesOff, PromptUnseen,
		NetworksUnusable, LeftOut, MeansFlooded, MeansOff, MeansSlowed, ReaderFault,
		CodesUnread, RecordFull, RecordsSilent, RecordsShut, PeopleUnread, PeopleIdle,
		ConsentOutdated, GroupEmpty, ErasureOwed, BrokerTrouble, EventsLost, WitnessAhead, WitnessSilent, FileMended, OlderCopy,
		DiskUnread, DiskReadOnly, DiskFull, DiskNoFiles, SwapUnknown, Swappable,
		LogLost, UpdateTakenBack, ClockWrong, AssessmentDue, ScreenFault, MetricsFault, NotRunning,
	}
}
