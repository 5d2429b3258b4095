"""What people and machines read: lines, tables, previews of messages, JSON, logs."""
