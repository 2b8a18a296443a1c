"""How many numbers are kept of a mean of states, two bytes each."""

# Groups are searched along single directions of the prompts, which a projection blurs; the responses only
# have to stay near each other.
PROMPT_WIDTH, RESPONSE_WIDTH = 640, 320
