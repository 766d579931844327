"""What customers are given: coupon codes and points, each counted once."""
