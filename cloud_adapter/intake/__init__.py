"""Where devices send pictures and readings: who may, how much, what is let in."""
