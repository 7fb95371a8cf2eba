"""The pages before the dashboard: sign-in, first set-up, sign-out. Plain HTML of our own: no script, nothing fetched.

Every value goes through ``html.escape``; the policy in the answer's head forbids scripts altogether.
"""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from starlette.responses import HTMLResponse

from dashboards.text import LANGUAGE_NAMES, LANGUAGES, Words
from models.store.demo_people import DemoPerson
from models.store.signin import LONGEST_PASSWORD, SHORTEST_PASSWORD
from models.store.users import LONGEST_LOGIN, LONGEST_NAME

FORM_TOKEN = "form_token"

_CSS = """
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1.5rem;
background:#f4f6f5;color:#1f2a27;font:15px/1.5 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{width:100%;max-width:25rem;background:#fff;border:1px solid #dfe5e2;border-radius:12px;padding:2rem}
h1{font-size:1.5rem;margin:0 0 .25rem}
p{margin:.25rem 0 1rem;color:#51605b}
label{display:block;margin:.9rem 0 .25rem;font-weight:600}
input{width:100%;padding:.6rem .7rem;font:inherit;border:1px solid #b9c5c0;border-radius:8px;background:#fff}
input:focus,button:focus-visible,a:focus-visible{outline:2px solid #1f6f5c;outline-offset:1px}
button,a.button{display:block;width:100%;margin-top:1.2rem;padding:.65rem;font:inherit;font-weight:600;border-radius:8px;
border:1px solid #1f6f5c;background:#1f6f5c;color:#fff;cursor:pointer;text-align:center;text-decoration:none}
button.quiet,a.button{background:#fff;color:#1f6f5c;margin-top:.5rem}
.said{background:#fbeeed;border:1px solid #e3b7b3;color:#8c2f27;border-radius:8px;padding:.6rem .8rem;margin:0 0 1rem}
.demo{border-top:1px solid #dfe5e2;margin-top:1.6rem;padding-top:1rem}
nav{margin-top:1.4rem;text-align:center}
nav a{color:#1f6f5c;margin:0 .5rem}
code{background:#f4f6f5;padding:.1rem .3rem;border-radius:4px}
"""
_CSS_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_CSS_HASH}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def sign_in_page(
    words: Words,
    token: str,
    following: str,
    *,
    said: str = "",
    status: int = 200,
    demo: Sequence[DemoPerson] = (),
    password: str = "",
    oidc: str | None = None,
) -> HTMLResponse:
    """``said``: what went wrong. ``demo``: people to enter as with one click, ``password``: theirs. ``oidc``: name of
    the identity provider, None without one."""
    hidden = _hidden(token, following)
    parts = [
        _said(said),
        f'<form method="post" action="/login?language={words.language}">{hidden}',
        _field(words("signin.login"), "login", "username", LONGEST_LOGIN),
        _field(words("signin.password"), "password", "current-password", LONGEST_PASSWORD, secret=True),
        f"<button>{escape(words('signin.enter'))}</button></form>",
    ]
    if oidc is not None:
        label = words("signin.oidc", name=oidc or words("signin.oidc_name"))
        parts.append(f'<a class="button" href="/login/oidc">{escape(label)}</a>')
    if demo:
        parts.append(f'<div class="demo"><p>{escape(words("signin.demo"))} <code>{escape(password)}</code></p>')
        for person in demo:
            label = words("signin.demo_as", name=person.name, role=words.code("role", person.role))
            parts.append(
                f'<form method="post" action="/login/demo?language={words.language}">{hidden}'
                f'<input type="hidden" name="login" value="{escape(person.login)}">'
                f'<button class="quiet">{escape(label)}</button></form>'
            )
        parts.append("</div>")
    return _page(words, words("signin.title"), words("signin.body"), "".join(parts), "/login", status)


def setup_page(words: Words, token: str, *, said: str = "", status: int = 200) -> HTMLResponse:
    """The first visitor of a new installation makes the owner's account."""
    form = "".join(
        [
            _said(said),
            f'<form method="post" action="/setup?language={words.language}">{_hidden(token, "/")}',
            _field(words("signin.name"), "name", "name", LONGEST_NAME),
            _field(words("signin.login"), "login", "username", LONGEST_LOGIN),
            _field(
                words("signin.new_password", n=SHORTEST_PASSWORD),
                "password",
                "new-password",
                LONGEST_PASSWORD,
                secret=True,
            ),
            _field(words("signin.repeat"), "repeat", "new-password", LONGEST_PASSWORD, secret=True),
            f"<button>{escape(words('signin.set_up'))}</button></form>",
        ]
    )
    return _page(words, words("signin.setup_title"), words("signin.setup_body"), form, "/setup", status)


def sign_out_page(words: Words, token: str) -> HTMLResponse:
    form = (
        f'<form method="post" action="/logout?language={words.language}">{_hidden(token, "/")}'
        f"<button>{escape(words('signin.leave'))}</button></form>"
    )
    return _page(words, words("signin.leave_title"), words("signin.leave_body"), form, "/logout", 200)


def _page(words: Words, title: str, body: str, content: str, path: str, status: int) -> HTMLResponse:
    links = " ".join(
        f'<a href="{path}?language={language}" lang="{language}">{escape(LANGUAGE_NAMES[language])}</a>'
        for language in LANGUAGES
        if language != words.language
    )
    text = (
        f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · {escape(words('frame.product'))}</title><style>{_CSS}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(body)}</p>{content}<nav>{links}</nav></main></body></html>"
    )
    return HTMLResponse(text, status_code=status, headers=_HEADERS)


def _hidden(token: str, following: str) -> str:
    return (
        f'<input type="hidden" name="{FORM_TOKEN}" value="{escape(token)}">'
        f'<input type="hidden" name="next" value="{escape(following)}">'
    )


def _said(text: str) -> str:
    return f'<div class="said" role="alert">{escape(text)}</div>' if text else ""


def _field(label: str, name: str, complete: str, most: int, secret: bool = False) -> str:
    kind = "password" if secret else "text"
    return (
        f'<label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" autocomplete="{complete}" maxlength="{most}" required'
        ' autocapitalize="none" spellcheck="false">'
    )
