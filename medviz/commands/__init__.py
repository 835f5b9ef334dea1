"""The command line: one command a file, imported only when it is called."""

from medviz.catalog import Catalog, Entry
from medviz.commands.command import Command

COMMANDS: Catalog[Command] = Catalog(
    "command",
    "medviz.commands",
    {
        name: Entry(f"medviz.commands.{module}:COMMAND", summary=summary)
        for name, module, summary in (
            ("info", "info", "what a file or folder holds"),
            ("render", "render", "a slice as the window would show it, as PNG"),
            ("convert", "convert", "from any format that is read to any that is written"),
            ("predict", "predict", "run a model over a scan, in the scan's own grid"),
            ("sample", "sample", "new samples out of a run, marked as synthetic"),
            ("export", "export", "a run's weights for use elsewhere: TorchScript, torch.export, ONNX, MONAI"),
            ("explain", "explain", "what a network makes of a scan: feature maps, Grad-CAM, occlusion, saliency"),
            ("compare", "compare", "agreement of a prediction with a reference, per label"),
            ("check", "check", "what is wrong with a data set, before training"),
            ("train", "train", "train without a window"),
            ("get", "get", "fetch a public data set: MedMNIST, Medical Segmentation Decathlon"),
            ("lab", "lab", "run a lab without a window"),
            ("list", "catalogs", "labs, tasks, networks, data sets, models, readers"),
            ("screenshot", "screenshot", "the window itself, drawn off screen"),
            ("completion", "completion", "shell completion for bash, zsh and fish"),
        )
    },
)
