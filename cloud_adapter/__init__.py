"""The cloud-side application: frame intake, queue, vision-LLM providers, budget, diagnosis, guarded actions.

It imports `vision` and never `edge_agent`: between the two there is only a wire contract (`vision.wire`).
"""
