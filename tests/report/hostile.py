"""Texts that would do harm if a page took them for anything but text."""

RUNS = "window.ran = true"

HOSTILE = (
    f"</script><script>{RUNS}</script>",
    f'<img src=x onerror="{RUNS}">',
    f"<svg/onload='{RUNS}'>",
    f"<!--<script>{RUNS}",
    f"]]>--></style></textarea></title><body onload={RUNS}>",
    f"{{{{ self.__init__ }}}} {{% raw %}} ${{{RUNS}}} `{RUNS}`",
    f"javascript:{RUNS}",
    f'<a href="javascript:{RUNS}">w8</a><base href=//x.invalid/>',
    "<link rel=stylesheet href=//x.invalid/a.css><iframe src=//x.invalid></iframe>",
    "a\u202egnp.exe\u202c b\u2066c\u2069",
    "zero\u200bwidth\ufeff and \u00adsoft, tag \U000e0041, filler \u3164, nul \x00 and escape \x1b[31m",
    "\u2028line\u2029paragraph \\u003c/script>",
    "👩‍👩‍👧 ❤️ 🇩🇪 é 文字 שלום",
    "\U0001f600\ud83d",
    "x" * 100_000,
    "w9 " * 20_000 + f"<script>{RUNS}</script>",
)
