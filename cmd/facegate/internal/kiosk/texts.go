package kiosk

import (
	"facegate/cmd/facegate/internal/guide"
	"facegate/configs/notice"
)

// words are what the screen says in one language.
type words struct {
	name   string // of the language, in itself
	title  string
	ways   string // before the list of the other ways in
	links  string // what a reader of screens calls the links
	notice string
	back   string
	until  string // the text of guide.Shut where it is known until when, for which @ stands
	steps  map[guide.Step]string
}

// wordsOf returns the words of a language.
func wordsOf(lang notice.Language) words {
	if lang == notice.Chinese {
		return chinese()
	}
	return english()
}

func english() words {
	return words{
		name: "English", title: "Door", ways: "Other ways in: ", links: "More", notice: "About faces and data", back: "Back to the door",
		until: "The door is shut to all until @.",
		steps: map[guide.Step]string{
			guide.Idle:       "Look at the camera, or use another way in.",
			guide.Notice:     "This camera recognises only people who agreed to it. Nobody has to.",
			guide.ComeCloser: "Please come closer.",
			guide.HoldStill:  "Hold still and look at the camera.",
			guide.LookAhead:  "Look straight ahead.",
			guide.LookLeft:   "Turn your head to the left.",
			guide.LookRight:  "Turn your head to the right.",
			guide.ShowPass:   "Show your pass to the camera.",
			guide.ShowFace:   "Thank you. Now look at the camera.",
			guide.EnterPIN:   "Now type your PIN, then press #.",
			guide.Granted:    "Please come in. The door is open.",
			guide.TryCard:    "Please use another way in.",
			guide.Wait:       "One moment, please. Step back, then try again.",
			guide.Shut:       "The door is shut to all now.",
			guide.OutOfOrder: "Out of order. Please use another way in.",
		},
	}
}

func chinese() words {
	return words{
		name: "中文", title: "门禁", ways: "其他进门方式：", links: "更多", notice: "关于人脸与个人信息", back: "返回门禁",
		until: "此门目前不对任何人开放，至@。",
		steps: map[guide.Step]string{
			guide.Idle:       "请看摄像头，或使用其他方式进门。",
			guide.Notice:     "本摄像头只识别已同意的人。您可以不同意。",
			guide.ComeCloser: "请靠近一些。",
			guide.HoldStill:  "请看摄像头，保持不动。",
			guide.LookAhead:  "请正视前方。",
			guide.LookLeft:   "请向左转头。",
			guide.LookRight:  "请向右转头。",
			guide.ShowPass:   "请向摄像头出示二维码。",
			guide.ShowFace:   "谢谢，现在请看摄像头。",
			guide.EnterPIN:   "请输入密码，然后按 # 键。",
			guide.Granted:    "门已打开，请进。",
			guide.TryCard:    "请使用其他方式进门。",
			guide.Wait:       "请稍候，退后一步再试。",
			guide.Shut:       "此门目前不对任何人开放。",
			guide.OutOfOrder: "设备故障，请使用其他方式进门。",
		},
	}
}
