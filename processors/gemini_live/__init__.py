"""The Gemini Live API: its wire, its models, and the processor that speaks it."""
