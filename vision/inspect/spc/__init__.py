"""Statistical process control: charts, rules, capability, drift. Numbers in, numbers out."""
