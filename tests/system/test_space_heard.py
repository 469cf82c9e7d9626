"""alice speaks in a Space at alpha; bob hears her through beta, and so does a visitor without an account."""

import asyncio
import fractions
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.ground import speech, whip
from tests.ground.api import Api
from tests.ground.browser import inbound_audio
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.system.people import befriend, sees_at_home

pytestmark = pytest.mark.system
