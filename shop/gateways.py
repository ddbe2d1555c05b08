"""Which ways to be paid this installation has: Stripe when it is configured, else the rehearsal.

And always the station's own people, who take cash; buyers may pay by a station's payment code
where there is one.
"""

import hashlib
import hmac

from catalog.db import Database
from catalog.models import Station
from live.board import feed_boards
from live.spoken import tell_days
from shop.context import Shop
from shop.notices import offer_channels
from shop.payments.gateway import Gateway
from shop.payments.offline_gateway import OFFLINE, OfflineGateway
from shop.payments.rehearsal.app import RehearsalApp, create_app
from shop.payments.rehearsal.config import KEY_PREFIX, RehearsalConfig
from shop.payments.stripe_gateway import StripeGateway
from shop.room import day_to_say
from shop.settings import Settings
from shop.standings import standings

REHEARSAL = "rehearsal"
STRIPE = "stripe"
REHEARSAL_PATH = "/rehearsal"


def open_shop(settings: Settings, *, pool_size: int = 8) -> Shop:
    """What a process works with; it connects when it is first used."""
    name, gateway = _open_gateway(settings)
    database = Database.connect(settings.database_url, pool_size=pool_size)
    feed_boards(database, standings)
    tell_days(database, day_to_say)
    offer_channels(database, {one for channel in settings.channels for one in channel.audiences})
    return Shop(
        database=database,
        gateways={name: gateway, OFFLINE: OfflineGateway(database, settings.public_url)},
        default_gateway=name,
        public_url=settings.public_url,
        channels=settings.channels,
    )


def offered(shop: Shop, station: Station) -> tuple[str, ...]:
    """The gateways that buyers of a station may choose from: by its payment code if it has one."""
    return (shop.default_gateway, OFFLINE) if station.pay_code_key else (shop.default_gateway,)


def _open_gateway(settings: Settings) -> tuple[str, Gateway]:
    """The gateway that new orders are paid through, and its name."""
    if settings.stripe_api_key:
        return STRIPE, StripeGateway(settings.stripe_api_key, settings.stripe_webhook_secret)
    config = rehearsal_config(settings)
    return REHEARSAL, StripeGateway(
        config.api_key,
        config.webhook_secret,
        base_url=settings.local_url + REHEARSAL_PATH,
        name=REHEARSAL,
    )


def rehearsal_config(settings: Settings) -> RehearsalConfig:
    """How the rehearsal service of this installation is set up; its keys come of the secret key."""
    return RehearsalConfig(
        store_path=settings.data_dir / "rehearsal.sqlite3",
        api_key=f"{KEY_PREFIX}_{_derived(settings, 'key')}",
        webhook_url=f"{settings.local_url}/webhooks/stripe",
        webhook_secret=f"whsec_{_derived(settings, 'webhook')}",
        base_url=settings.public_url + REHEARSAL_PATH,
    )


def open_rehearsal(settings: Settings) -> RehearsalApp | None:
    """The service to mount beside the shop; None where real money is taken."""
    return None if settings.stripe_api_key else create_app(rehearsal_config(settings))


def _derived(settings: Settings, purpose: str) -> str:
    key = settings.secret_key.encode()
    return hmac.new(key, f"rehearsal {purpose}".encode(), hashlib.sha256).hexdigest()
