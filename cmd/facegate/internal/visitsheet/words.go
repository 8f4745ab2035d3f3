package visitsheet

import (
	"fmt"

	"facegate/configs/notice"
)

// sheetWords are what a sheet says in one language.
type sheetWords struct {
	title, code           string
	gate, group           string // with the name
	from, until           string // with the time
	once, often, any      string // often with the number
	number                string // with it
	how, copied, faceless string
}

// facts are the lines of a sheet.
func (w sheetWords) facts(s Sheet) []string {
	const layout = "2006-01-02 15:04 (UTC-07:00)"
	door, often := fmt.Sprintf(w.gate, s.Door), w.any
	if s.Group {
		door = fmt.Sprintf(w.group, s.Door)
	}
	switch {
	case s.Uses == 1:
		often = w.once
	case s.Uses > 1:
		often = fmt.Sprintf(w.often, s.Uses)
	}
	return []string{
		door, fmt.Sprintf(w.from, s.From.Format(layout)), fmt.Sprintf(w.until, s.Until.Format(layout)), often,
		fmt.Sprintf(w.number, s.Number), w.how, w.faceless, w.copied,
	}
}

func wordsOf(lang notice.Language) sheetWords {
	if lang == notice.Chinese {
		return sheetWords{
			title: "访客通行证", code: "访客通行证的二维码，请对准门旁的摄像头。",
			gate: "门禁：%s", group: "门禁组：%s", from: "生效时间：%s", until: "失效时间：%s",
			once: "次数：一次", often: "次数：每处门禁 %d 次", any: "次数：不限", number: "编号：%s（仅供查询，不能开门）",
			how: "使用方法：把二维码举到门旁的摄像头前，相距约 20 厘米，停一秒钟。", faceless: "不需要您的人脸，也不需要您的姓名。",
			copied: "任何人拿到此二维码的副本都可以代替您使用，请勿转发；如遗失，请告知发证处。",
		}
	}
	return sheetWords{
		title: "Visitor's pass", code: "The code of the visitor's pass, to be held to the camera beside the door.",
		gate: "Gate: %s", group: "All gates of: %s", from: "Opens from: %s", until: "Opens until: %s",
		once: "How often: once", often: "How often: %d times at each gate", any: "How often: any number of times",
		number:   "Number: %s (to ask about the pass; it opens nothing)",
		how:      "How: hold the code to the camera beside the door, about 20 cm away, for a second.",
		faceless: "It needs neither your face nor your name.",
		copied:   "Whoever has a copy of this code can use it in your place: pass it on to nobody, and tell the office if it is lost.",
	}
}
