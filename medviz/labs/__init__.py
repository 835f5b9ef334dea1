"""Labs: one idea a file. A new lab is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

LABS: Catalog[Any] = Catalog(
    "lab",
    "medviz.labs",
    {
        "convolution": Entry(
            "medviz.labs.convolution:Convolution",
            "Convolution",
            "A kernel slides over the slice: multiply, add, move on",
            theme="Convolution",
            icon="drawn.window",
        ),
        "pooling": Entry(
            "medviz.labs.pooling:Pooling",
            "Pooling",
            "A window of values becomes one",
            theme="Convolution",
            icon="ph.arrows-in",
        ),
        "neuron": Entry(
            "medviz.labs.neuron:Neuron",
            "Neuron",
            "Weights times inputs plus a bias, through an activation",
            theme="Neurons and training",
            icon="ph.brain",
        ),
        "loss": Entry(
            "medviz.labs.loss:Loss",
            "Loss",
            "What a wrong answer costs",
            theme="Neurons and training",
            icon="ph.target",
        ),
        "activation": Entry(
            "medviz.labs.activation:ActivationLab",
            "Activation",
            "What a function does to a feature map, and to the gradient",
            theme="Neurons and training",
            icon="ph.chart-line",
        ),
        "chain": Entry(
            "medviz.labs.chain:Chain",
            "Chain rule",
            "A value forward, its derivative back, factor by factor",
            theme="Neurons and training",
            icon="ph.link",
        ),
        "learnt_kernel": Entry(
            "medviz.labs.learnt_kernel:LearntKernel",
            "Learnt kernel",
            "Hide a kernel, let gradient descent find it",
            theme="Convolution",
            icon="ph.magic-wand",
        ),
        "wires": Entry(
            "medviz.labs.wires:Wires",
            "Wires",
            "How many numbers a layer has to learn",
            theme="Convolution",
            icon="ph.share-network",
        ),
        "fit": Entry(
            "medviz.labs.fit:Fit",
            "Fit",
            "Capacity, overfitting, and what penalties do",
            theme="Neurons and training",
            icon="ph.polygon",
        ),
        "ratios": Entry(
            "medviz.labs.ratios:Ratios",
            "Ratios",
            "Right and wrong answers counted at a threshold",
            theme="Neurons and training",
            icon="ph.percent",
        ),
        "descent": Entry(
            "medviz.labs.descent:Descent",
            "Descent",
            "Optimisers race down one surface",
            theme="Neurons and training",
            icon="ph.trend-down",
        ),
        "recurrence": Entry(
            "medviz.labs.recurrence:Recurrence",
            "Recurrence",
            "A network that reads slice after slice, and how its gradient fades",
            theme="Attention and sequences",
            icon="ph.repeat",
        ),
        "attention": Entry(
            "medviz.labs.attention:Attention",
            "Attention",
            "Each token asks all others, and takes of each what the answer is worth",
            theme="Attention and sequences",
            icon="ph.eye",
        ),
        "boxes": Entry(
            "medviz.labs.boxes:Boxes",
            "Boxes",
            "What two boxes share, and which of many a detector keeps",
            theme="Detection",
            icon="ph.bounding-box",
        ),
        "network": Entry(
            "medviz.labs.network:NetworkLab",
            "Network",
            "What a network is made of, and what each layer makes of the slice",
            theme="Networks",
            icon="ph.tree-structure",
        ),
        "patches": Entry(
            "medviz.labs.patches:Patches",
            "Patches",
            "A picture cut up and read as words are",
            theme="Attention and sequences",
            icon="ph.grid-nine",
        ),
        "attack": Entry(
            "medviz.labs.attack:Attack",
            "Adversarial example",
            "A change too small to be seen, and the answer flips",
            theme="Neurons and training",
            icon="ph.target",
        ),
        "dropout": Entry(
            "medviz.labs.dropout:Dropout",
            "Dropout",
            "Learning without a random share of the units",
            theme="Neurons and training",
            icon="ph.drop-half",
        ),
    },
)
