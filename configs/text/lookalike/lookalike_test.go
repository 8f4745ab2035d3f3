package lookalike_test

import (
	"fmt"
	"strings"
	"testing"

	"facegate/configs/text/lookalike"
)

func TestAlike(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		alike      bool
	}{
		{"itself", "Ada", "Ada", true},
		{"case", "Ada Lovelace", "ADA LOVELACE", true},
		{"one and small l", "A1", "Al", true},
		{"one and large i", "A1", "AI", true},
		{"small l and large i", "Al", "AI", true},
		{"large and small i", "AI", "ai", true},
		{"zero and o", "12-3 01", "12-3 O1", true},
		{"zero and small o", "10", "1o", true},
		{"Cyrillic", "Paul", "Р\u0430ul", true},
		{"Cyrillic in small letters", "PAUL", "\u0440\u0430ul", true},
		{"Greek", "Nina", "\u039dina", true},
		{"full width", "Ａ１", "A1", true},
		{"half width katakana", "ｱﾔ", "アヤ", true},
		{"katakana and ideograph", "カ", "力", true},
		{"radical and ideograph", "⻓", "长", true},
		{"hyphens", "12-3", "12‐3", true},
		{"apostrophes", "O'Neil", "O’Neil", true},
		{"ligature", "ﬁona", "fiona", true},
		{"m and rn", "Arnold", "Amold", true},
		{"sharp s", "Groß", "GROSS", true},
		{"final sigma", "Γιώργος", "ΓΙΏΡΓΟΣ", true},
		{"dotless i", "Işıl", "işıl", true},

		{"joiner", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0639\u0644\u06cc\u0631\u0636\u0627", true},
		{"presentation form", "\ufecb\ufee0\ufef2", "\u0639\u0644\u064a", true},
		{"form of an ideograph", "葛\U000e0100", "葛", true},

		{"accent", "Muller", "Müller", false},
		{"another accent", "Müller", "Mūller", false},
		{"letters", "Ada", "Eva", false},
		{"digits", "12-3 01", "12-3 07", false},
		{"order", "12-3", "13-2", false},
		{"surname", "Wei Zhang", "Wei Zheng", false},
		{"ideographs that differ by a stroke", "士", "土", false},
		{"other ideographs", "王鹃", "王鹂", false},
		{"longer", "Anna", "Anna B", false},
		{"numbers", "1", "11", false},
		{"Hangul", "김민준", "김민중", false},
		{"dotted and dotless capitals", "Işıl", "İşil", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if lookalike.Alike(tt.a, tt.b) != tt.alike || lookalike.Alike(tt.b, tt.a) != tt.alike {
				t.Errorf("%q and %q: want %v; keys %q, %q", tt.a, tt.b, tt.alike, lookalike.Keys(tt.a), lookalike.Keys(tt.b))
			}
		})
	}
}

// TestNamesApart checks that no two of many names, as buildings have them, are taken for each other.
func TestNamesApart(t *testing.T) {
	seen := map[string]string{}
	count := 0
	try := func(name string) {
		count++
		for i, key := range lookalike.Keys(name) {
			key = fmt.Sprint(i, key)
			if other, ok := seen[key]; ok && other != name {
				t.Errorf("%s is taken for %s", name, other)
			}
			seen[key] = name
		}
	}
	// The commonest surnames, and the commonest characters of given names (reports of the Ministry of Public Security).
	surnames := strings.Fields(`王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 程 曹 袁 邓 许 傅 沈 曾 彭 吕
		苏 卢 蒋 蔡 贾 丁 魏 薛 叶 阎 余 潘 杜 戴 夏 钟 汪 田 任 姜 范 方 石 姚 谭 廖 邹 熊 金 陆 郝 孔 白 崔 康 毛 邱 秦 江 史 顾 侯 邵 孟 龙 万 段 雷 钱
		汤 尹 黎 易 常 武 乔 贺 赖 龚 文 欧阳 司马`)
	given := []rune(`伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂一二三士土口日曰目自白百千干于王玉主己已巳人入八天夫未末大太犬子孑宇字宣宜轩浩然子涵梓萱欣怡诗雨泽佳琪思远俊熙鹃鹂值晚研青清晴` +
		`紫若冰晨曦辰展庭廷延建健鑫森林木本禾未来晓小少水永冬东乐车兰三工力夕卜了丁刀力万方为义文心必`)
	for i, s := range surnames {
		for j, g := range given {
			try(s + string(g))
			try(s + string(g) + string(given[(j*7+i)%len(given)]))
		}
	}
	for _, name := range strings.Fields(`Maria Mario Marta Martha Mira Mila Lila Lili Lilly Lisa Elisa Eliza Ida Ada Eva Ava Iva Ivo Ivan Jan Jana Jens Jons
		Jonas Jonah Noah Nora Nina Nino Tim Tom Kim Kai Kaj Karl Carl Carla Karla Clara Klara Lena Lene Leni Leo Lea Leah Emil Emile Emily Emilia Amelia
		Amelie Anna Anne Anni Annie Ann Hana Hanna Hannah Hans Heinz Sofia Sophia Sofie Sophie Olga Oleg Igor Inga Ingo Ilia Ilya Lia Mia Pia Pio Tia
		Müller Muller Möller Moller Mueller Schmid Schmidt Schmitt Schneider Weber Meyer Meier Maier Mayer Novák Novak Nowak O'Brien O'Neil D'Arcy`) {
		try(name)
	}
	for house := range 40 {
		for flat := range 30 {
			try(fmt.Sprintf("%d-%d", house+1, flat+1))
			try(fmt.Sprintf("%d-%02d 0%d", house+1, flat+1, flat%9+1))
		}
	}
	for _, s := range strings.Fields("김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 전 홍") {
		for _, g := range strings.Fields("민준 서준 도윤 예준 시우 하준 주원 지호 지후 준우 서연 서윤 지우 서현 하은 하윤 민서 지유 윤서 채원 애리 아이 은애 으나 은아") {
			try(s + g)
		}
	}
	t.Logf("%d names", count)
}

func TestContrast(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"Al", "A1", `it has "l" (U+006C LATIN SMALL LETTER L) for "1" (U+0031 DIGIT ONE)`},
		{"Amold", "Arnold", `it has "m" (U+006D LATIN SMALL LETTER M) for "rn" (U+0072 LATIN SMALL LETTER R, U+006E LATIN SMALL LETTER N)`},
		{"\u0639\u0644\u200c\u0631", "\u0639\u0644\u0631", `it has "\u200c" (U+200C ZERO WIDTH NON-JOINER) besides`},
		{"\u0639\u0631", "\u0639\u200c\u0631", `it lacks "\u200c" (U+200C ZERO WIDTH NON-JOINER)`},
		{"ADA LOVELACE", "Ada Lovelace", `it has "DA LOVELACE" for "da Lovelace"`},
	} {
		if got := lookalike.Contrast(tt.a, tt.b); got != tt.want {
			t.Errorf("%s, %s: %s", tt.a, tt.b, got)
		}
	}
}

func BenchmarkKeys(b *testing.B) {
	for b.Loop() {
		lookalike.Keys("Zhang Wei 12-3 01")
	}
}
