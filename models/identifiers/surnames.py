"""Chinese surnames, how those with several readings are read, and words that look like a name and are none."""

#: The Hundred Family Surnames (百家姓, in the public domain) and others that are frequent today.
SINGLE = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马"
    "苗凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪"
    "祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田"
    "樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封"
    "芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶"
    "郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍郤璩桑桂濮牛寿通边"
    "扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚"
    "越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公肖覃闫付代邸苟佟兰"
    "涂冼麦植揭庹岳帅缑亢况郈有琴归海墨哈谯笪年爱阳佴赏仉督伯南牟佘商谌仝冒原展苑战占佀位禤隋鹿迟肇亓卯刀邝化"
    "招凃区甯么撒褟信候楼练尧门戢栗宾衣鄢才但侴由仵朴初庆芦宛矫闭闾开雒朝粟粘蹇"
)
_COMPOUND = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 "
    "申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 "
    "宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 东门 西门 第五 公仪 公户 纳兰 "
    "完颜 叶赫 那拉 爱新觉罗 耶律 单于 淳于"
)
COMPOUND = frozenset(_COMPOUND.split())
#: First characters under which a compound surname is as likely as a single one: a mask 欧** says neither.
EITHER = frozenset("欧司诸上皇慕端令尉宇淳澹独轩呼拓赫")

#: How a surname is read where that differs from the character's usual reading, or where both are usual; no tones.
_SINGLE_READINGS = (
    "单:shan 曾:zeng 解:xie 仇:qiu 朴:piao 区:ou 查:zha 盖:ge 乐:yue 任:ren 华:hua 翟:zhai 缪:miao 宓:mi "
    "种:chong 员:yun 牟:mou 冼:xian 繁:po 逄:pang 秘:bi 折:she 覃:qin 那:na 隗:wei 钭:tou 燕:yan 宿:su 葛:ge "
    "都:du 过:guo 沈:shen 臧:zang 褚:chu 应:ying 卜:bu 石:shi 阚:kan 佘:she 曲:qu 宁:ning 谌:chen 尹:yin "
    "冯:feng 纪:ji 车:che 晁:chao 尉:wei 长:zhang 召:shao 贾:jia 俞:yu 薄:bo 洗:xian 藏:zang 叶:ye 曹:cao "
    "郇:xun 邴:bing 能:nai 朝:chao 呙:guo 贠:yun 重:chong 黑:he 万:wan 训:xun 仝:tong 乜:nie 撒:sa 行:xing "
    "宫:gong"
)
SINGLE_READINGS = dict(pair.split(":") for pair in _SINGLE_READINGS.split())
_COMPOUND_READINGS = (
    "万俟:moqi 尉迟:yuchi 长孙:zhangsun 澹台:tantai 单于:chanyu 乐正:yuezheng 宰父:zaifu 令狐:linghu "
    "鲜于:xianyu 亓官:qiguan 子车:ziju 夏侯:xiahou"
)
COMPOUND_READINGS = dict(pair.split(":") for pair in _COMPOUND_READINGS.split())

#: Words that begin with a surname and are no name.
_NO_NAMES = (
    "高兴 安静 幸福 平安 安心 安好 马上 白云 江南 石头 温柔 向日葵 阳光 阳阳 金牛 金子 金鱼 花开 花儿 "
    "花花 水果 水水 明天 明月 明白 古典 黄金 雷锋 连锁 农家 海洋 海阔天空 水晶 水墨 云朵 云淡风轻 "
    "家人 家家 空白 牛牛 鱼儿 关注 包子 包邮 容易 成长 万事如意 万事 和谐 时光 时尚 安安 乐乐 乐观 宝宝 通知 "
    "路人 路过 房东 厉害 易购 常客 满满 满意 丰收 广告 广场 东方 南方 南风 原味 居家 强大 开心 开开心心 开元 "
    "信心 年年有余 爱情 爱心 爱家 爱丽丝 国庆 国货 文艺 全家 全家福 秋天 秋水 秋风 夏天 夏日 米米 米粒 田园 "
    "梅花 兰花 桂花 桂圆 松果 单身 都行 麦子 麦兜 栗子 苗苗 童话 童童 元宝 元气 苏打 柳絮 荷花 明星 明明 "
    "马到成功 龙猫 龙哥 江湖 山水 山山 沙漠 沙子 方便 方方 有缘 有梦 有你 有鱼 "
    "国泰民安 富贵 别样 相信 相伴 简单 简约 红豆 红红 红颜 冷暖 空空 越努力越幸运 利群 查无此人 后来 那年 "
    "那些年 游客 终于 居士 温暖 庄园 卫士 华夏 顾客 顾家 管家 经理 任性 史记 计划 应有尽有 班长 班主任 师傅 "
    "师父 师兄 师姐 胡说 买家 客户 客服 团长 店长 会员 匿名 本人 收货人 测试 未知 无名 暂无 先生 女士 家长 "
    "宫保 习惯 白白 白开水 花无缺 沙拉 鲁班 甘甜 甘草 莫愁 莫名 甜甜 步步高 步步 文文"
)
NO_NAMES = frozenset(_NO_NAMES.split())
