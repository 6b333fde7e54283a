"""What can be measured beside a chat model: any Runnable, what it takes and what it gives."""
