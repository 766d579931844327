"""The application of the web edge: which path is answered by what."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from automation.app import App
from automation.inbound.inbox import Inbox
from automation.inbound.welcome import Welcomer
from automation.tracking.answering import Answers
from automation.tracking.following import Follower
from automation.tracking.visiting import Doors

from . import api, openapi
from .api import Api
from .callers import Callers
from .context import Context, document, refusal
from .guard import Guard, apology
from .heads import Quick, Scope, Take
from .health import Health
from .hooks import Hooks
from .keys import Keys, unknown
from .links import Links
from .quick import QuickEvents
from .readers import Readers
from .shop import Current
from .visits import Visits
from .writer import Writer


class Site(NamedTuple):
    """The ASGI application, the quick way of connection.py, and what to call after the last request."""

    app: ASGIApp
    quick: Quick
    close: Callable[[], None]


def context(app: App) -> Context:
    """What the routes share. Opens the database and the channels; writes names. `start` its threads afterwards."""
    store = app.store
    return Context(
        app, Current(app), Writer(store, app.clock.now), Readers(store), Callers(app.settings.web.trusted_proxies)
    )


def site(shared: Context, welcomer: Welcomer, leads: Callable[[], bool]) -> Site:
    """`welcomer` greets; `leads`: whether the engine of this process moves."""
    app = shared.app
    keys = Keys({name: key.get_secret_value() for name, key in app.settings.web.api_keys.items()})
    taking = Hooks(shared, app.hooks, Inbox(app.parts, app.vault, app.channels), welcomer)
    links = Links(shared, app.parts, Follower(app.parts, app.vault), Answers(app.parts, app.channels.values()))
    visits = Visits(shared, Doors(app.parts, app.vault))
    senders, health = Api(shared, keys), Health(shared, keys, leads)

    async def described(request: Request) -> Response:
        if not shared.callers.is_local(request.scope) and keys.sender(request) is None:
            shared.wrong(request)
            return unknown(request)
        return document(openapi.document(app.project.catalog, app.settings.shop.name))

    told = senders.endpoint(api.EVENTS)
    routes = [
        Route("/api/events", told, methods=["POST"]),
        Route("/hooks/{channel}/{secret}", taking.take, methods=["GET", "POST"]),
        Route("/c/{token}", links.click, methods=["GET"]),
        Route("/o/{token}", links.picture, methods=["GET"]),
        Route("/u/{token}", links.leave, methods=["GET", "POST"]),
        Route("/m/{token}", links.visit, methods=["GET", "POST"]),
        Route("/wechat/{channel}/me", visits.me, methods=["GET"]),
        Route("/api/customers", senders.endpoint(api.CUSTOMERS), methods=["POST"]),
        Route("/api/openapi.json", described, methods=["GET"]),
        Route("/healthz", health.alive, methods=["GET"]),
        Route("/metrics", health.metrics, methods=["GET"]),
    ]
    inner = Starlette(routes=routes, exception_handlers={404: _unknown, 405: _method, Exception: _failed})
    inner.router.redirect_slashes = False
    return Site(
        Guard(inner, {"/api/events": told}, shared.counts), _quick(QuickEvents(shared, keys), taking), visits.close
    )


def _quick(events: QuickEvents, taking: Hooks) -> Quick:
    def quick(scope: Scope) -> Take | None:
        if scope["method"] != "POST":
            return None
        path: str = scope["path"]
        if path == "/api/events":
            return events.by_head(scope)
        return taking.by_head(scope) if path.startswith("/hooks/") else None

    return quick


async def _unknown(request: Request, error: Exception) -> Response:
    return refusal(404, "not_found", "there is nothing here")


async def _failed(request: Request, error: Exception) -> Response:
    return apology(error)


async def _method(request: Request, error: Exception) -> Response:
    answer = refusal(405, "method", "this path takes another method")
    answer.headers["allow"] = dict(getattr(error, "headers", None) or {}).get("Allow", "")
    return answer
