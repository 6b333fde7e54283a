"""What happens to people's runs: killed, out of space, two in one folder, clocks, collectors."""
