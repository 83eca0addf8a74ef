"""The official scoring of four challenges, one file each; what a number means stands beside it in its table."""

from __future__ import annotations

from collections.abc import Mapping

from shortaxis.core.errors import UnknownName
from shortaxis.measure.protocols.acdc import ACDC_PROTOCOL
from shortaxis.measure.protocols.emidec import EMIDEC_PROTOCOL
from shortaxis.measure.protocols.lvquan import LVQUAN_PROTOCOL
from shortaxis.measure.protocols.mnms import MNMS_PROTOCOL
from shortaxis.measure.protocols.protocol import Protocol

PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol for protocol in (ACDC_PROTOCOL, EMIDEC_PROTOCOL, LVQUAN_PROTOCOL, MNMS_PROTOCOL)
}


def protocol_named(name: str) -> Protocol:
    """The protocol of that name. Raises UnknownName with the known ones."""
    if name not in PROTOCOLS:
        raise UnknownName(f"one of {', '.join(PROTOCOLS)}", repr(name), "choose one of the names above")
    return PROTOCOLS[name]
