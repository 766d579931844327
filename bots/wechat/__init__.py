"""WeChat official accounts (公众号): sending, followers, tags, scene QR codes, menus, and what comes back."""
