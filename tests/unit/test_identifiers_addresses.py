"""Addresses as people, platforms and couriers write them: divisions, roads, numbers, masks.

The accident it prevents: 南京东路 read as the city of Nanjing, and half of Shanghai moved there.
"""

import polars as pl
import pytest

from models.identifiers import ADDRESS_COLUMNS, addresses, addresses_of_parts
from models.identifiers.divisions import divisions

DIVIDED = [
    ("上海市浦东新区世纪大道100号环球金融中心12楼", "上海市", "上海市", "浦东新区"),
    ("上海市上海市静安区南京西路1266号", "上海市", "上海市", "静安区"),
    ("上海静安南京西路1266号", "上海市", "上海市", "静安区"),
    ("上海市市辖区徐汇区虹漕路461号58号楼5楼", "上海市", "上海市", "徐汇区"),
    ("北京朝阳区三里屯路19号院1号楼", "北京市", "北京市", "朝阳区"),
    ("北京市海淀区中关村大街27号", "北京市", "北京市", "海淀区"),
    ("广东省深圳市南山区深南大道9988号", "广东省", "深圳市", "南山区"),
    ("广东深圳南山科技园科苑路15号", "广东省", "深圳市", "南山区"),
    ("深圳市福田区华强北路1002号赛格广场3楼", "广东省", "深圳市", "福田区"),
    ("广东省 广州市 天河区 天河路208号", "广东省", "广州市", "天河区"),
    ("粤 广州市越秀区中山五路219号", "广东省", "广州市", "越秀区"),
    ("沪静安区愚园路68号", "上海市", "上海市", "静安区"),
    ("广东省东莞市南城街道鸿福路200号", "广东省", "东莞市", None),
    ("广东省中山市沙溪镇云汉轻纺城", "广东省", "中山市", None),
    ("江苏省昆山市千灯镇玉溪西路1号", "江苏省", "苏州市", "昆山市"),
    ("昆山市前进西路1208号", "江苏省", "苏州市", "昆山市"),
    ("江苏省苏州市苏州工业园区星湖街328号", "江苏省", "苏州市", "工业园区"),
    ("浙江省杭州市滨江区江南大道588号", "浙江省", "杭州市", "滨江区"),
    ("杭州市余杭区文一西路969号3幢5单元1202室", "浙江省", "杭州市", "余杭区"),
    ("杭州文三路90号", "浙江省", "杭州市", None),
    ("义乌市福田路105号", "浙江省", "金华市", "义乌市"),
    ("湖北省直辖县级行政区划潜江市园林街道章华中路1号", "湖北省", "潜江市", "潜江市"),
    ("潜江市章华南路5号", "湖北省", "潜江市", "潜江市"),
    ("河南省济源市沁园路100号", "河南省", "济源市", "济源市"),
    ("海南省三亚市吉阳区迎宾路360号", "海南省", "三亚市", "吉阳区"),
    ("海南省琼海市博鳌镇", "海南省", "琼海市", "琼海市"),
    ("吉林省吉林市船营区解放大路1号", "吉林省", "吉林市", "船营区"),
    ("吉林市丰满区恒山西路5号", "吉林省", "吉林市", "丰满区"),
    ("内蒙古呼和浩特市新城区中山东路7号", "内蒙古自治区", "呼和浩特市", "新城区"),
    ("内蒙古自治区锡林郭勒盟锡林浩特市那达慕大街2号", "内蒙古自治区", "锡林郭勒盟", "锡林浩特市"),
    ("广西南宁市青秀区民族大道136号", "广西壮族自治区", "南宁市", "青秀区"),
    ("新疆乌鲁木齐市天山区光明路59号", "新疆维吾尔自治区", "乌鲁木齐市", "天山区"),
    ("新疆石河子市北三路23号", "新疆维吾尔自治区", "石河子市", "石河子市"),
    ("西藏拉萨市城关区北京中路1号", "西藏自治区", "拉萨市", "城关区"),
    ("云南省大理白族自治州大理市人民路10号", "云南省", "大理白族自治州", "大理市"),
    ("云南大理大理市人民路10号", "云南省", "大理白族自治州", "大理市"),
    ("湖南省湘西土家族苗族自治州吉首市人民北路1号", "湖南省", "湘西土家族苗族自治州", "吉首市"),
    ("湖南省长沙市长沙县星沙街道开元路8号", "湖南省", "长沙市", "长沙县"),
    ("长沙县开元中路8号", "湖南省", "长沙市", "长沙县"),
    ("四川省成都市高新区天府大道北段1700号", "四川省", "成都市", "高新区"),
    ("四川省成都市武侯区人民南路四段1号", "四川省", "成都市", "武侯区"),
    ("重庆市渝中区解放碑民族路188号", "重庆市", "重庆市", "渝中区"),
    ("重庆市县云阳县双江街道滨江大道1号", "重庆市", "重庆市", "云阳县"),
    ("天津市河北区中山路2号", "天津市", "天津市", "河北区"),
    ("天津滨海新区第一大街79号", "天津市", "天津市", "滨海新区"),
    ("南京东路100号", None, None, None),
    ("上海路12号", None, None, None),
    ("河北区中山路2号", "天津市", "天津市", "河北区"),
    ("朝阳区建国路93号", None, None, "朝阳区"),
    ("南京市鼓楼区中山北路30号", "江苏省", "南京市", "鼓楼区"),
    ("福建省三明市沙县区凤岗街道新城路1号", "福建省", "三明市", "沙县区"),
    ("福建省三明市沙县新城路1号", "福建省", "三明市", "沙县区"),
    ("浙江省富阳市桂花路1号", "浙江省", "杭州市", "富阳区"),
    ("上海市闸北区天目西路218号", "上海市", "上海市", "闸北区"),
    ("湖北省襄樊市襄城区荆州街1号", "湖北省", "襄阳市", "襄城区"),
    ("香港特别行政区湾仔区轩尼诗道1号", "香港特别行政区", "香港", "湾仔区"),
    ("香港九龍油尖旺區彌敦道100號", "香港特别行政区", "香港", "油尖旺区"),
    ("香港铜锣湾轩尼诗道500号", "香港特别行政区", "香港", None),
    ("澳门特别行政区花地玛堂区黑沙环马路1号", "澳门特别行政区", "澳门", "花地玛堂区"),
    ("台灣省臺北市信義區市府路45號", "台湾省", "台北市", "信义区"),
    ("台北市大安区忠孝东路四段100号", "台湾省", "台北市", "大安区"),
    ("中国浙江省宁波市鄞州区天童南路700号", "浙江省", "宁波市", "鄞州区"),
    ("黑龙江省哈尔滨市南岗区学府路*号***", "黑龙江省", "哈尔滨市", "南岗区"),
    ("山东省青岛市市南区香港中路10号", "山东省", "青岛市", "市南区"),
    ("山东省济南市历下区经十路1号", "山东省", "济南市", "历下区"),
    ("陕西省西安市雁塔区小寨西路26号", "陕西省", "西安市", "雁塔区"),
    ("陕西西安高新技术产业开发区科技路5号", "陕西省", "西安市", "高新区"),
    ("河南省南阳市宛城区工业路1号", "河南省", "南阳市", "宛城区"),
    ("辽宁省朝阳市双塔区新华路1号", "辽宁省", "朝阳市", "双塔区"),
    ("辽宁省朝阳市朝阳县柳城街道", "辽宁省", "朝阳市", "朝阳县"),
    ("青海省海南藏族自治州共和县恰卜恰镇", "青海省", "海南藏族自治州", "共和县"),
    ("贵州省贵阳市观山湖区林城东路1号", "贵州省", "贵阳市", "观山湖区"),
    ("安徽省合肥市蜀山区长江西路200号", "安徽省", "合肥市", "蜀山区"),
    ("江西省南昌市红谷滩区红谷中大道998号", "江西省", "南昌市", "红谷滩区"),
    ("甘肃省嘉峪关市新华中路1号", "甘肃省", "嘉峪关市", None),
    ("宁夏银川市金凤区北京中路168号", "宁夏回族自治区", "银川市", "金凤区"),
    ("香港九龙城区太子道1号", "香港特别行政区", "香港", "九龙城区"),
    ("九龍彌敦道1號", "香港特别行政区", "香港", None),
    ("南京市玄武区南京路12号", "江苏省", "南京市", "玄武区"),
    ("四川凉山州西昌市航天大道100号", "四川省", "凉山彝族自治州", "西昌市"),
    ("云南省玉溪市元江县文化路1号", "云南省", "玉溪市", "元江哈尼族彝族傣族自治县"),
    ("黑龙江哈尔滨道里区中央大街89号", "黑龙江省", "哈尔滨市", "道里区"),
    ("西安高新区唐延路35号", "陕西省", "西安市", "高新区"),
    ("深圳市龙华新区民治大道1号", "广东省", "深圳市", "龙华区"),
    ("朝阳建国路93号", None, None, None),
    ("九龙坡区杨家坪正街1号", "重庆市", "重庆市", "九龙坡区"),
    ("12 High Street London", None, None, None),
]


def read(value: str | None) -> dict[str, str | None]:
    return addresses(pl.Series([value], dtype=pl.String)).row(0, named=True)


@pytest.mark.parametrize(("written", "province", "city", "district"), DIVIDED)
def test_divisions(written: str, province: str | None, city: str | None, district: str | None) -> None:
    found = read(written)
    assert (found["province"], found["city"], found["district"]) == (province, city, district)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("上海市浦东新区世纪大道100号", "310115"),
        ("广东省东莞市南城街道鸿福路200号", "441900"),
        ("广东省", "440000"),
        ("湖北省潜江市章华中路1号", "429005"),
        ("浙江省富阳市桂花路1号", "330111"),  # a former city has the code of the district it became
        ("四川省成都市高新区天府大道1700号", None),  # a zone has no code, and the city's would be too coarse
        ("香港湾仔区轩尼诗道1号", None),
        ("朝阳区建国路93号", None),
    ],
)
def test_codes(written: str, code: str | None) -> None:
    assert read(written)["division_code"] == code


@pytest.mark.parametrize(
    ("written", "town", "road", "number", "door"),
    [
        ("杭州市余杭区文一西路969号3幢5单元1202室", None, "文一西路", "969", "3-5-1202"),
        ("杭州市余杭区文一西路969号3-5-1202", None, "文一西路", "969", "3-5-1202"),
        ("上海市闵行区田林路388弄3号", None, "田林路", "388", "3"),
        ("北京市朝阳区三里屯路19号院1号楼", None, "三里屯路", "19", "1"),
        ("成都市武侯区人民南路四段1号", None, "人民南路四段", "1", None),
        ("江苏省昆山市千灯镇玉溪西路1号", "千灯镇", "玉溪西路", "1", None),
        ("广东省东莞市南城街道鸿福路200号B座", "南城街道", "鸿福路", "200", "b"),
        ("广州市天河区天河路208-2号", None, "天河路", "208-2", None),
        ("海南省琼海市博鳌镇", "博鳌镇", None, None, None),
        ("广州市天河区人民路*号*幢*室", None, "人民路", None, None),
        ("香港湾仔区轩尼诗道1号", None, "轩尼诗道", "1", None),
        ("江苏省南京玄武区南京路12号", None, "南京路", "12", None),
    ],
)
def test_roads(written: str, town: str | None, road: str | None, number: str | None, door: str | None) -> None:
    found = read(written)
    assert (found["town"], found["road"], found["number"], found["door"]) == (town, road, number, door)


def test_spellings_of_one_address_are_one() -> None:
    spellings = [
        "浙江省杭州市余杭区文一西路969号3幢5单元1202室",
        "浙江杭州余杭文一西路969号3-5-1202",
        "杭州市余杭区 文一西路 969号 3幢 5单元 1202",
        "中国浙江省杭州市餘杭區文一西路969號3幢5單元1202室",
        "浙江省 杭州市 余杭区 浙江省杭州市余杭区文一西路９６９号3幢5单元1202室",
    ]
    assert addresses(pl.Series(spellings))["address"].unique().to_list() == ["浙江省杭州市余杭区文一西路969号3-5-1202"]


def test_a_masked_address_meets_its_own_mask_and_equals_nothing() -> None:
    full, masked = "广州市天河区人民路123号5幢1203室", "广东省广州市天河区人民路***号*幢****室"
    found = addresses(pl.Series([full, masked]))
    assert found["address_mask"].to_list() == ["广东省广州市天河区人民路*号*幢*室"] * 2
    assert found["address"].to_list() == ["广东省广州市天河区人民路123号5-1203", None]
    assert found["door"].to_list() == ["5-1203", None]


def test_parts_of_platforms_are_read_as_the_whole() -> None:
    parts = pl.DataFrame(
        {
            "province": ["上海市", "浙江省", "香港特别行政区", "四川省", None],
            "city": ["市辖区", "杭州", "香港", "成都", None],
            "district": ["静安区", "西湖区", "中西区", "高新区", None],
            "detail": ["南京西路1266号", "浙江省杭州市西湖区文三路90号", "人民路12号3幢1201室", "人民路*号", None],
        }
    )
    found = addresses_of_parts(parts)
    assert found.select("city", "district", "road").rows() == [
        ("上海市", "静安区", "南京西路"),
        ("杭州市", "西湖区", "文三路"),
        ("香港", "中西区", "人民路"),
        ("成都市", "高新区", "人民路"),
        (None, None, None),
    ]


def test_what_is_no_chinese_address_keeps_its_words() -> None:
    assert read("12, High Street\nLondon")["address"] == "12 high street london"
    assert read("  ")["detail"] is None
    assert tuple(addresses(pl.Series(["x"])).columns) == ADDRESS_COLUMNS


def test_every_division_of_the_table_is_read_under_its_full_name() -> None:
    """Province and city in front, each district is found, and under its own code."""
    table = divisions().filter((pl.col("level") == "district") & pl.col("last_year").is_null())
    city = pl.when(pl.col("city") == pl.col("name")).then(pl.lit("")).otherwise("city")
    found = addresses(table.select(pl.col("province") + city + pl.col("name") + "人民路1号").to_series())
    wrong = table.hstack(found.select(pl.all().name.prefix("found_"))).filter(
        ~pl.col("name").eq_missing(pl.col("found_district"))
        | ~pl.col("code").eq_missing(pl.col("found_division_code"))
        | (pl.col("found_road") != "人民路")
    )
    assert table.height > 3000
    assert wrong.select("province", "city", "name", "found_district", "found_division_code", "found_road").rows() == []


def test_the_table_is_whole() -> None:
    table = divisions()
    present = table.filter(pl.col("last_year").is_null())
    assert present.filter(pl.col("level") == "province").height == 34
    assert not table.select("level", "province", "city", "name").is_duplicated().any()
    coded = present.filter(pl.col("code").is_not_null())
    assert coded["code"].str.contains(r"^[1-9][0-9]{5}$").all()
    assert not coded.filter(pl.col("level") == "district")["code"].is_duplicated().any()
    former = table.filter(pl.col("now").is_not_null()).select("province", "city", "now", "level")
    today = present.select("province", "city", pl.col("name").alias("now"), "level")
    districts = former.filter(pl.col("level") == "district")
    assert districts.join(today, on=["province", "city", "now", "level"], how="anti").rows() == []
