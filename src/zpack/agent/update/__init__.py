"""The agent's own renewal: releases beside one another, one of them current, the last good one kept."""
