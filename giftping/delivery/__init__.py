"""What codes and TODOs share on their way to Discord."""
