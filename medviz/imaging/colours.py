"""Colour maps by name, as lookup tables; the same for the window, the command line and the labs."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.uint8]

# Every fifth colour of the maps of matplotlib (viridis, magma, inferno, plasma: S. van der Walt, N. Smith, E. Firing;
# cividis: J. Nuñez, C. Anderton, R. Renslow; all CC0); what lies between is within 3 parts in 255 of the originals.
_FIFTHS = {
    "viridis": (
        "44015446085c471063481769481d6f482475472a7a46307e453781433d844142873f48893d4e8a3a538b38598c355e8d33638d31"
        "688e2e6d8e2c718e2a768e297b8e27808e25848e23898e218e8d20928c1f978b1e9c891fa18821a58524aa8328ae802eb37c35b7"
        "793dbc7446c06f50c46a5ac86465cb5e70cf577cd25089d54895d840a2da37b0dd2fbddf26cae11fd8e219e5e419f1e51dfde725"
    ),
    "magma": (
        "00000402020b0504160907200e0b2b140e361a104221114e29115a311165390f6e420f754a107952137c5a167e6219806a1c8172"
        "1f81792282812581892881912b81992d80a1307eaa337db2357bba3878c23b75ca3e72d2426fd9466be04c67e75263ec5860f160"
        "5df4695cf7725cf97b5dfb8560fc8e64fd9869fea16efeaa74feb47bfebd82fec68afecf92fed89afde2a3fdebacfcf4b6fcfdbf"
    ),
    "inferno": (
        "00000402020c0504170a072210092d160b391e0c45260c512f0a5b380962400a67490b6a510e6c59106e61136e69166e71196e78"
        "1c6d801f6c88226a902568982766a02a63a82e5fb0315bb73557bf3952c63d4dcc4248d34743d94d3ddf5337e45a31e9612bed69"
        "25f1711ff47918f78212f98b0bfa9407fb9d07fca60cfcb014fbba1ffac42af8cd37f6d746f4e156f2ea69f2f27df5f992fcffa4"
    ),
    "plasma": (
        "0d08871b068d2605912f059638049a41049d4903a05102a35901a56100a76900a87100a87801a88004a88707a68e0ca49511a19c"
        "179ea21d9aa82296ae2892b42e8dba3388bf3984c43e7fc9447acd4a76d24f71d6556dda5b69de6164e26660e66c5ce97257ed79"
        "53f07f4ff3854bf58c46f79342f99a3efba139fca835fdaf31feb72dfebe2afdc627fcce25fbd724f8df25f6e826f3f027f0f921"
    ),
    "cividis": (
        "00204d00245500275e002b67002e6f00316f00356e12386d1f3c6d28406c30436c36476b3d4a6b424e6b48526b4d556c52596c57"
        "5c6d5b606e60646f646770696b716d6e727272747676767a7a787f7d788481798885798d8979928d789791789c9577a19976a69d"
        "75aca174b1a573b6a971bbae6fc1b26dc6b66bccbb69d1bf66d7c463dcc860e2cd5ce8d259edd654f3db4ff9e04affe544ffea46"
    ),
}
_STOPS = {
    "grey": "000000ffffff",
    "inverted grey": "ffffff000000",
    "diverging": "2166ac92c5def7f7f7f4a582b2182b",
    "hot": "000000e60000ffd200ffffff",
    "red": "000000ff3b30",
    "green": "00000034c759",
    "blue": "0000003d8bff",
}
COLOUR_MAPS: tuple[str, ...] = (
    "grey", "inverted grey", "viridis", "magma", "inferno", "plasma", "cividis", "hot", "diverging", "red", "green",
    "blue",
)  # fmt: skip
"""Names that `colour_map` knows. Grey for anatomy, the uniform maps for magnitudes, diverging for signed values."""


@lru_cache(maxsize=32)
def colour_map(name: str) -> Table:
    """Return the 256 colours (256, 4) of a map: red, green, blue and alpha (255), not to be written to.

    "diverging" runs from blue over white at its middle to red (RdBu of ColorBrewer, turned) and belongs on levels
    that are symmetric about zero. Raises KeyError for an unknown name.
    """
    stops = _colours(_FIFTHS[name] if name in _FIFTHS else _STOPS[name])
    at = np.linspace(0, 255, len(stops))
    table = np.full((256, 4), 255, np.uint8)
    for part in range(3):
        table[:, part] = np.interp(np.arange(256), at, stops[:, part]).round()
    table.setflags(write=False)
    return table


def _colours(digits: str) -> NDArray[np.float64]:
    return np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(-1, 3).astype(np.float64)
