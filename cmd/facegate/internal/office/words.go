package office

import (
	"fmt"

	"facegate/configs/notice"
)

// say returns the words for a key in a language that the pages have words in.
func say(lang notice.Language, key string, args ...any) (string, error) {
	text, ok := words[lang][key]
	if !ok {
		return "", fmt.Errorf("there are no words for %q in %q", key, lang)
	}
	if len(args) == 0 {
		return text, nil
	}
	return fmt.Sprintf(text, args...), nil
}

// known returns the language in which something is said to a person who reads this one: English where there are no words in it.
func known(lang notice.Language) notice.Language {
	if _, ok := words[lang]; ok {
		return lang
	}
	return notice.English
}

// words are all that the pages say, by language and key.
var words = map[notice.Language]map[string]string{
	notice.English: {
		"office": "Office of the gate", "main": "Pages", "home": "People", "enrol": "Enrol somebody", "lock": "Lock this page",
		"title-home": "People", "title-person": "What is held of this person", "title-trouble": "This was not done",
		"title-locked": "This page is locked",
		"locked":       "Open it by the link that facegate office has printed last. Each link opens it once, in one browser.",

		"well": "The gate is well.", "unwell": "The gate is not as it should be. Tell a technician:",
		"find": "Label or number of the form", "find-do": "Find", "all": "Show all",
		"list": "%d of %d people", "label": "Label", "number": "Number of the form", "until": "Until", "comes-in": "Comes in",
		"by-face": "by face", "by-both": "by face together with a pass, card or PIN", "no-face": "without a face",
		"again": "has to consent again", "owed": "is going to be erased, and is let in no more",
		"empty": "Nobody is found.", "waiting": "Something has not been handed over yet.", "waiting-do": "Hand it over",

		"held-print": "Print this letter", "back": "Back to the people",

		"steps": "Steps", "step-notice": "Notice", "step-consent": "Consent", "step-agreement": "Agreement", "step-capture": "Capture", "step-pass": "Pass",

		"title-notice": "Notice", "notice-languages": "Languages of the notice",
		"notice-do":    "Let the person read this, or read it to them, and ask what they want. Both ways open the door alike.",
		"notice-print": "Print the notice", "way-face": "They give their face", "way-pass": "No face: a pass",

		"title-consent": "Form", "label-hint": "A name or number for the list. It never leaves the gate.",
		"age": "Age", "guardian": "Parent or guardian who consents, for somebody under %d", "witness": "Who sees the consent",
		"ends": "Last day, if that is sooner than the term", "ends-hint": "Without a day it ends on %s.", "ends-by": "Last day of the right to the door",
		"pass-too": "The person gets a pass", "pass-always": "Everybody gets a pass: it goes before the face at this gate.",
		"again-more": "For somebody who is on the list already", "again-is": "This person is on the list, and is captured anew by this consent",
		"former": "Letters of their present pass", "form-print": "Print the form", "signed": "The form is signed",
		"to-capture": "Go on to the capture", "to-pass": "Go on to the pass", "to-notice": "Back to the notice", "to-form": "Correct the form",

		"paper": "Consent to the use of my face at a door", "paper-pass": "Agreement on a pass for a door", "paper-name": "Name",
		"paper-consent":  "I have read the notice, version %s, in this language: %s. I agree that my face opens this door, as the notice says. No picture is kept.",
		"paper-free":     "It is my free choice, and I have no disadvantage if I refuse.",
		"paper-ways":     "I may come in instead by: %s.",
		"paper-end":      "I can withdraw this consent at any time, and am then no longer recognised. Where and how:",
		"paper-guardian": "Parent or guardian of somebody under %d, name and signature",
		"paper-agree":    "I get a pass for this door, and give no face. My right to the door ends on:", "paper-date": "Date", "paper-sign": "Signature",
		"paper-sum": "Sum of the notice (SHA-256)",

		"title-capture": "Capture", "capture-do": "Tell the person what stands here. There is no picture, and none is kept.",
		"capture-bar": "Taken", "capture-left": "Seconds left:", "capture-look": "See how far it is", "capture-stop": "Stop", "capture-again": "Try again", "given-up": "The capture was stopped.", "not-captured": "The person was not captured.",
		"capture-begin": "One moment",

		"title-handover": "To hand over", "is-enrolled": "%s is enrolled.", "is-joined": "%s is on the list, without a face.", "lasts": "Until %s.",
		"has-pass": "%s has another pass. The one before it opens nothing any more.", "is-erased": "%s is erased, and does not match any more.",
		"face-erased": "The face of %s is erased. They stay on the list without one.",
		"second-near": "This face is too near to another one to be told from it; whose is kept nowhere. It opens the door together with a pass, card or PIN.",
		"second-age":  "Under 14 a face opens the door together with the pass alone.",
		"pass":        "Pass", "pass-code": "Code of the pass", "pass-how": "Hold the code to the camera beside the door, about 20 cm away. Give it to nobody. If it is lost, tell the office.",
		"receipt-checked": "The signature of this receipt is that of the gate.", "receipt-unchecked": "The signature of this receipt is not that of this gate.",
		"receipt-file": "Save the signed receipt", "receipt-sheet": "Page to print, with codes (PDF)", "print": "Print", "next-person": "Handed over: next person", "handed": "It is handed over",

		"new-pass": "Another pass", "new-pass-hint": "Another pass ends the one before it.", "withdraw": "Withdraw the consent", "erase": "Erase",
		"title-leave":   "For good",
		"withdraw-what": "The consent of %[1]s (%[2]s) is withdrawn.", "withdraw-gone": "Template and consent are destroyed at once. Label, pass, cards and PIN stay; who has none of these leaves the list.",
		"erase-what": "%[1]s (%[2]s) is erased.", "erase-gone": "Label, consent, template, pass, cards and PIN are destroyed.",
		"erase-two": "It takes a second person where the gate has an office and technicians: they do the same within ten minutes, at a page or command of their own.",
		"leave-not": "No, go back",

		"todo":        "What to do:",
		"refused":     "The gate has refused it.",
		"not-running": "The gate is not running, or cannot be reached. Tell a technician. People come in by the other ways meanwhile.",
		"forbidden":   "You may not do that with this user. It is for those in the group of the office.",
		"pending":     "This cannot be undone, and so it waits for a second person.",
		"nobody":      "Nobody on the list has this label any more.",
	},
	notice.Chinese: {
		"office": "门禁办公室", "main": "页面", "home": "人员名单", "enrol": "登记新人员", "lock": "锁定本页面",
		"title-home": "人员名单", "title-person": "本机保存的此人信息", "title-trouble": "未能完成",
		"title-locked": "本页面已锁定",
		"locked":       "请使用 facegate office 最近一次显示的链接打开。每个链接只能在一个浏览器中打开一次。",

		"well": "门禁运行正常。", "unwell": "门禁状态异常，请告知技术人员：",
		"find": "名称或同意书编号", "find-do": "查找", "all": "显示全部",
		"list": "共 %[2]d 人，显示 %[1]d 人", "label": "名称", "number": "同意书编号", "until": "有效期至", "comes-in": "进门方式",
		"by-face": "刷脸", "by-both": "刷脸并出示通行证、门禁卡或密码", "no-face": "不使用人脸",
		"again": "需要重新同意", "owed": "即将删除，已不能进门",
		"empty": "没有找到。", "waiting": "还有材料没有交给本人。", "waiting-do": "去交付",

		"held-print": "打印此信", "back": "返回人员名单",

		"steps": "步骤", "step-notice": "告知", "step-consent": "同意", "step-agreement": "约定", "step-capture": "采集", "step-pass": "通行证",

		"title-notice": "告知书", "notice-languages": "告知书的语言",
		"notice-do":    "请本人阅读，或读给本人听，再询问其选择。两种方式都能同样进门。",
		"notice-print": "打印告知书", "way-face": "同意使用人脸", "way-pass": "不用人脸，只用通行证",

		"title-consent": "表格", "label-hint": "名单上的姓名或编号，不会离开门禁设备。",
		"age": "年龄", "guardian": "未满%d周岁者，表示同意的监护人", "witness": "见证人",
		"ends": "最后一天（如早于规定期限）", "ends-hint": "不填写则至%s。", "ends-by": "可进门的最后一天",
		"pass-too": "发给本人通行证", "pass-always": "每个人都会得到通行证：在此门须先出示通行证再刷脸。",
		"again-more": "已在名单上的人员", "again-is": "此人已在名单上，凭本次同意重新采集",
		"former": "现有通行证上的字母", "form-print": "打印表格", "signed": "表格已签字",
		"to-capture": "继续：采集", "to-pass": "继续：通行证", "to-notice": "返回告知书", "to-form": "修改表格",

		"paper": "门禁使用人脸信息同意书", "paper-pass": "门禁通行证约定", "paper-name": "姓名",
		"paper-consent":  "本人已阅读告知书（版本：%s，语言：%s），同意按告知书所述使用本人人脸开启此门。不保存照片。",
		"paper-free":     "这是本人自愿的选择，不同意不会受到任何不利影响。",
		"paper-ways":     "本人可改用以下方式进门：%s。",
		"paper-end":      "本人可随时撤回同意，撤回后不再被识别。办理地点和方式：",
		"paper-guardian": "未满%d周岁者的监护人，姓名及签字",
		"paper-agree":    "本人领取此门的通行证，不提供人脸。可进门至：", "paper-date": "日期", "paper-sign": "签字",
		"paper-sum": "告知书校验值（SHA-256）",

		"title-capture": "采集", "capture-do": "请把这里的提示告诉本人。这里没有画面，也不保存任何画面。",
		"capture-bar": "进度", "capture-left": "剩余秒数：", "capture-look": "查看进度", "capture-stop": "停止", "capture-again": "再试一次", "given-up": "采集已停止。", "not-captured": "未能完成采集。",
		"capture-begin": "请稍候",

		"title-handover": "交付", "is-enrolled": "%s已登记。", "is-joined": "%s已列入名单，不使用人脸。", "lasts": "有效期至%s。",
		"has-pass": "%s有了新的通行证，原来的已失效。", "is-erased": "%s已删除，不再被识别。",
		"face-erased": "%s的人脸信息已删除，本人仍在名单上。",
		"second-near": "此人脸与另一人脸过于相似，无法区分；是谁的不作记录。须同时出示通行证、门禁卡或密码才能进门。",
		"second-age":  "未满14周岁者，刷脸须同时出示通行证。",
		"pass":        "通行证", "pass-code": "通行证的二维码", "pass-how": "把二维码举到门旁的摄像头前，相距约20厘米。请勿交给他人；如遗失，请告知办公室。",
		"receipt-checked": "此回执的签名属于本门禁。", "receipt-unchecked": "此回执的签名不属于本门禁。",
		"receipt-file": "保存带签名的回执", "receipt-sheet": "带二维码的打印页（PDF）", "print": "打印", "next-person": "已交付：下一位", "handed": "已交付",

		"new-pass": "换发通行证", "new-pass-hint": "换发后原通行证即失效。", "withdraw": "撤回同意", "erase": "删除",
		"title-leave":   "无法恢复的操作",
		"withdraw-what": "撤回%[1]s（%[2]s）的同意。", "withdraw-gone": "人脸模板和同意记录立即销毁。名称、通行证、门禁卡和密码保留；没有这些进门方式的人将从名单上删除。",
		"erase-what": "删除%[1]s（%[2]s）。", "erase-gone": "名称、同意记录、人脸模板、通行证、门禁卡和密码全部销毁。",
		"erase-two": "门禁分设办公室和技术人员时，需要第二个人在十分钟内于自己的页面或命令行进行同样的操作。",
		"leave-not": "不，返回",

		"todo":        "处理办法：",
		"refused":     "门禁拒绝了这一操作。",
		"not-running": "门禁没有运行，或无法连接。请告知技术人员。在此期间人员可使用其他方式进门。",
		"forbidden":   "您的账号无权进行此操作，只有办公室组的成员可以。",
		"pending":     "此操作无法撤销，因此需要第二个人确认。",
		"nobody":      "名单上已没有此人。",
	},
}
