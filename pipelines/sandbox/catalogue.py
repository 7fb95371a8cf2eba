"""What the demo company sells: 200 products in eight categories."""

import numpy as np
import polars as pl

# category: items with their price in yuan
_CATEGORIES: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = (
    ("绿茶", (("西湖龙井", 168), ("碧螺春", 148), ("黄山毛峰", 128), ("安吉白茶", 158), ("信阳毛尖", 118))),
    ("红茶", (("金骏眉", 228), ("正山小种", 138), ("祁门红茶", 128), ("滇红", 98), ("英德红茶", 88))),
    ("乌龙", (("凤凰单丛", 198), ("武夷岩茶", 238), ("铁观音", 118), ("冻顶乌龙", 168), ("桂花乌龙", 98))),
    ("普洱", (("陈皮普洱", 228), ("熟普茶饼", 298), ("生普茶饼", 358), ("小青柑", 138), ("普洱散茶", 88))),
    ("白茶", (("白毫银针", 368), ("白牡丹", 218), ("寿眉茶饼", 168), ("老白茶", 269), ("白茶茶包", 59))),
    ("花草茶", (("茉莉花茶", 68), ("菊花枸杞茶", 49), ("玫瑰花茶", 58), ("洛神花茶", 45), ("陈皮茶", 79))),
    ("茶具", (("紫砂壶", 499), ("盖碗", 129), ("旅行茶具", 199), ("冷泡壶", 89), ("焖茶杯", 159))),
    ("茶点", (("绿豆糕", 39), ("凤梨酥", 59), ("茶酥饼", 45), ("坚果礼盒", 128), ("桂花糕", 35))),
)
# series and its price in per cent of the base price
_SERIES = (("经典", 100), ("臻选", 160), ("轻享", 85), ("限定礼盒", 190), ("随身装", 45))
_DOLLARS_PER_HUNDRED_YUAN = 110  # shelf prices in HKD and MOP


def products() -> pl.DataFrame:
    """One row per product: product_id, product_name, category, weight (popularity, whole number), price_cny and
    price_hkd in minor units (MOP prices are the HKD ones)."""
    names, categories, prices = [], [], []
    for category, items in _CATEGORIES:
        for series, percent in _SERIES:
            for item, yuan in items:
                names.append(f"{series}{item}")
                categories.append(category)
                prices.append(max(yuan * percent // 100 // 10 * 10 + 9, 9))
    count = len(names)
    yuan_prices = np.array(prices, dtype=np.int64)
    # Popularity falls with the rank; the ranks go through the catalogue in steps of 37, which meets every product once.
    rank = (np.arange(count, dtype=np.int64) * 37) % count
    return pl.DataFrame(
        {
            "product_id": [f"P{number:04d}" for number in range(1, count + 1)],
            "product_name": names,
            "category": categories,
            "weight": 1_000_000 // (rank + 12),
            "price_cny": yuan_prices * 100,
            "price_hkd": yuan_prices * _DOLLARS_PER_HUNDRED_YUAN // 100 * 100,
        }
    )
