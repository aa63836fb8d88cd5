"""The command line: what each command answers, in both languages, to people and to programs, and what it refuses."""
