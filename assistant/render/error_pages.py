"""Render an error of the server as a page for people: what is wrong, what to do, where to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.render import layout
from assistant.render.escape import escape

if TYPE_CHECKING:
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding

_KEYS = {
    401: ("error_sign_in", "error_sign_in_hint"),
    403: ("error_forbidden", "error_forbidden_hint"),
    404: ("error_nothing", "error_nothing_hint"),
    421: ("error_host", "error_host_hint"),
    429: ("error_too_many", "error_too_many_hint"),
    500: ("error_server", "error_server_hint"),
    503: ("error_not_ready", "error_too_many_hint"),
}


def render_error_page(
    status: int, branding: Branding, messages: Messages, *, request_id: str = "", style: str = ""
) -> str:
    """Render the page of an error by its status; `style` is a style element.

    Its styles are in the page: a host that is not served, or a reader that asks too often, gets no
    style sheet either.
    """
    heading, hint = _KEYS.get(status, ("error_other", "error_other_hint"))
    more = ""
    if status == 401:
        more = f'<p class="aside">{escape(messages("error_sign_in_run"))}</p>'
    return layout.render_notice(
        messages(heading),
        messages(hint, id=request_id) if status == 500 else messages(hint),
        branding,
        messages,
        more=more,
        head=style,
        top="" if status == 404 else layout.render_brand(branding),
    )
