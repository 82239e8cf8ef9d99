"""Where our stormlock differs from the recorded original, on purpose: what must stand there instead, and why.

case -> number of the step -> the fields that differ, with `why`. Where a case says `copy: no`, its `want` stands for the
recorded values by itself. What a case leaves free is held to what was recorded, unless it is here.
"""

DIFFERENT = {}
