"""Every fault that is tried."""

from tests.verify.faults.clocks import CLOCK
from tests.verify.faults.collectors import COLLECTORS
from tests.verify.faults.disks import DISKS
from tests.verify.faults.killed import KILLED
from tests.verify.faults.together import TOGETHER

FAULTS = (KILLED, *DISKS, TOGETHER, CLOCK, *COLLECTORS)
