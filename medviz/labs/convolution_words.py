"""What the convolution lab says where a deck is wrong or a display hides something."""

WHY_ONE_SIDE = (
    "The cells of this kernel add up to 0: it answers with + where the image changes one way and with − where it "
    "changes back."
)
SIDES = {
    "signed": "The signed map shows both sides, red and blue.",
    "clip": "Clipped below 0, as ReLU does and as a picture does that draws negative numbers black, one side is gone.",
    "absolute": "The absolute value shows both sides alike.",
    "picture": "In a grey picture one side is bright and the other dark; drawn from 0 up, the dark side would be lost.",
}
E1 = (
    "E1: D3 defines convolution without turning the kernel (a correlation, what nn.Conv2d does), D4 with "
    "(Σ w(s,t) f(x−s, y−t)): two operations under one name. For a kernel that changes sign when turned, the maps "
    "are each other's negative."
)
E3 = (
    "E3: the deck says “p = f // 2 ⇒ in_d = out_d”. It holds for odd f and stride 1 only: an even f gives one more, "
    "a stride s about in/s. torch refuses padding=“same” with a stride, and pads an even kernel unevenly."
)
E4 = (
    "E4: the deck prints this smoothing kernel without a divisor; as printed a constant image of 100 becomes 900 "
    "(sum 9) or 800 (sum 8). Tick “normalise”. The usual Gaussian is [1 2 1; 2 4 2; 1 2 1] / 16."
)
