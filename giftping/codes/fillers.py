"""Words that stand in the place of rewards which nobody knows, in the languages that sources are in. Data only."""

from __future__ import annotations

# A text made of nothing but these says nothing. Numbers, and what looks like an id, do not count.
_WORDS = """
a account actual all and any announced are available be been by check checked code codes coming confirm confirmed
confirmation currently details determined different each for free game given has have in in-game info information is
item items listed mail mailbox missing n no none not null on one or our pending please provided region require required
reward rewards see server some soon specified stated still surprise tba tbc tbd the to unavailable unconfirmed
undefined unknown unlisted unspecified unstated us various varies vary verify view will yet you your yours

angabe angaben angegeben bekannt bekanntgegeben belohnung belohnungen die keine noch nicht siehe spiel unbekannt
unbekannte wird

aucun aucune connu connue connues dans déterminer inconnu inconnue inconnues inconnus jeu le les non précisé précisée
précisées précisés récompense récompenses spécifié spécifiée spécifiées spécifiés venir à

confirmar definir desconhecida desconhecidas desconhecido desconhecidos desconocida desconocidas desconocido
desconocidos determinar especificada especificadas especificado especificados ninguna por recompensa recompensas sem
sin especificar não

da definire non ricompensa ricompense sconosciuta sconosciute sconosciuti sconosciuto specificata specificate
specificati specificato

данных награда награды не неизвестна неизвестная неизвестно неизвестные нет указан указана указано указаны уточняется

belirtilmedi belirtilmemiş bilinmeyen bilinmiyor ödül ödüller henüz

nagroda nagrody nie nieznana nieznane podano brak danych

belum diketahui hadiah tidak ditentukan chưa không rõ xác định phần thưởng đang cập nhật

보상 보상을 보상은 보상이 내용 내용을 정보 정보를 정보가 상세 알 수 없음 없는 없습니다
미정 미확인 미공개 불명 확인 확인하세요
확인해주세요 확인해 주세요 중 필요 인게임 게임 내 에서 아직

غير معروف معروفة المكافأة المكافآت محدد
"""

# Of languages that do without spaces: what is left of a text when these are taken out is what it says.
_PIECES = """
報酬 情報 内容 詳細 特典 アイテム 賞品 を は の が も に て で と 確認 してください して下さい 下さい
ください お願いします 中 不明 未定
未確認 未発表 未公開 未設定 非公開 調査 準備 なし 無し ありません まだ ゲーム 内 各種 後日 発表 予定

奖励 獎勵 信息 資訊 资讯 详情 詳情 物品 礼包 禮包 的 请 請 查看 確認 确认 在 游戏 遊戲 内 內
暂 暫 无 無 没有 沒有 尚 未 知 未知 不详 不詳 公布
待定 待 尚未 更新 敬请期待 敬請期待 各种 各種

ไม่ทราบ ไม่ระบุ รางวัล ยังไม่ ของรางวัล รอ การยืนยัน ข้อมูล
"""

FILLER_WORDS = frozenset(_WORDS.split())
FILLER_PIECES = tuple(sorted(_PIECES.split(), key=len, reverse=True))
