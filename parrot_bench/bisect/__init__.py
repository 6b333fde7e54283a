"""Which release changed the cost: releases measured against each other, as few as it takes."""
