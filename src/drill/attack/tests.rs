//! Are the attacks' generators, schedules and lists what they say?
