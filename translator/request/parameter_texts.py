"""Names and explanations of the model parameters in the four languages of Dify's interface.

Data only. Kept apart from the table of parameters, so that ranges and defaults can be read at a glance.
"""

from collections.abc import Mapping

LOCALES = ("en_US", "zh_Hans", "ja_JP", "pt_BR")

type InFourLanguages = tuple[str, str, str, str]
"""One text in each of `LOCALES`."""

LABELS: Mapping[str, InFourLanguages] = {
    "temperature": ("Temperature", "温度", "温度", "Temperatura"),
    "top_p": ("Top P", "Top P", "Top P", "Top P"),
    "top_k": ("Top K", "Top K", "Top K", "Top K"),
    "min_p": ("Min P", "Min P", "Min P", "Min P"),
    "typical_p": ("Typical P", "Typical P", "Typical P", "Typical P"),
    "max_tokens": ("Max tokens", "最大输出 token 数", "最大トークン数", "Máximo de tokens"),
    "think": ("Thinking", "思考", "思考", "Raciocínio"),
    "show_thinking": ("Show thinking", "显示思考过程", "思考過程を表示", "Mostrar raciocínio"),
    "repeat_penalty": ("Repeat penalty", "重复惩罚", "繰り返しペナルティ", "Penalidade de repetição"),
    "repeat_last_n": ("Repeat window", "重复检查范围", "繰り返し判定の範囲", "Janela de repetição"),
    "presence_penalty": ("Presence penalty", "存在惩罚", "存在ペナルティ", "Penalidade de presença"),
    "frequency_penalty": ("Frequency penalty", "频率惩罚", "頻度ペナルティ", "Penalidade de frequência"),
    "seed": ("Seed", "随机种子", "シード", "Semente"),
    "stop": ("Stop sequences", "停止序列", "停止シーケンス", "Sequências de parada"),
    "format": ("Output format", "输出格式", "出力形式", "Formato de saída"),
    "json_schema": ("JSON Schema", "JSON Schema", "JSON Schema", "JSON Schema"),
    "keep_alive": ("Keep alive", "模型保留时间", "モデルの保持時間", "Tempo em memória"),
    "num_ctx": ("Context window", "上下文窗口", "コンテキスト長", "Janela de contexto"),
    "num_keep": ("Tokens to keep", "保留的 token 数", "保持するトークン数", "Tokens a manter"),
    "num_batch": ("Batch size", "批处理大小", "バッチサイズ", "Tamanho do lote"),
    "num_gpu": ("GPU layers", "GPU 层数", "GPU レイヤー数", "Camadas na GPU"),
    "main_gpu": ("Main GPU", "主 GPU", "メイン GPU", "GPU principal"),
    "num_thread": ("CPU threads", "CPU 线程数", "CPU スレッド数", "Threads de CPU"),
    "use_mmap": ("Memory-map the model", "内存映射模型文件", "モデルをメモリマップ", "Mapear o modelo em memória"),
    "draft_num_predict": ("Draft tokens", "草稿 token 数", "ドラフトトークン数", "Tokens de rascunho"),
}

HELP: Mapping[str, InFourLanguages] = {
    "temperature": (
        "Higher is more varied, lower is more predictable; 0 always takes the most likely token.",
        "数值越高输出越多样，越低越稳定；0 表示总是选择概率最高的 token。",
        "高いほど多様に、低いほど安定した出力になります。0 では常に最も確率の高いトークンを選びます。",
        "Maior é mais variado, menor é mais previsível; 0 escolhe sempre o token mais provável.",
    ),
    "top_p": (
        "Considers only the most likely tokens that together reach this probability.",
        "仅从累计概率达到该值的最可能 token 中选择。",
        "累積確率がこの値に達するまでの上位トークンだけを候補にします。",
        "Considera apenas os tokens mais prováveis que somam esta probabilidade.",
    ),
    "top_k": (
        "Considers only this many of the most likely tokens; 0 switches the limit off.",
        "仅从概率最高的 K 个 token 中选择；0 表示不限制。",
        "確率の高い上位 K 個のトークンだけを候補にします。0 で無制限です。",
        "Considera apenas esta quantidade de tokens mais prováveis; 0 remove o limite.",
    ),
    "min_p": (
        "Drops tokens whose probability is below this share of the most likely token.",
        "丢弃概率低于“最高概率 × 该值”的 token。",
        "最も確率の高いトークンに対する割合がこの値より低いトークンを除外します。",
        "Descarta tokens com probabilidade abaixo desta fração da do token mais provável.",
    ),
    "typical_p": (
        "Prefers tokens of typical information content; 1 switches it off.",
        "优先选择信息量典型的 token；1 表示关闭。",
        "情報量が典型的なトークンを優先します。1 で無効です。",
        "Prefere tokens com conteúdo de informação típico; 1 desativa.",
    ),
    "max_tokens": (
        "Longest answer in tokens, thinking included; -1 leaves it to the server (num_predict).",
        "回答的最大 token 数，包含思考内容；-1 表示由服务器决定（num_predict）。",
        "回答の最大トークン数（思考を含む）。-1 ではサーバーの設定に従います（num_predict）。",
        "Tamanho máximo da resposta em tokens, incluindo o raciocínio; -1 deixa a cargo do servidor (num_predict).",
    ),
    "think": (
        "Whether and how much the model thinks before it answers. Sent only where the model and the server accept it; "
        "gpt-oss cannot be switched off and thinks as little as possible instead.",
        "回答前是否思考以及思考的程度。仅在模型和服务器支持时发送；gpt-oss 无法关闭思考，会改用最低级别。",
        "回答前に思考するかどうかと、その深さを指定します。モデルとサーバーが対応している場合だけ送信します。"
        "gpt-oss は無効にできないため、最も低いレベルで思考します。",
        "Se e quanto o modelo raciocina antes de responder. Enviado apenas quando o modelo e o servidor aceitam; "
        "o gpt-oss não pode ser desligado e usa o nível mais baixo.",
    ),
    "show_thinking": (
        "No: the model still thinks, but the answer does not contain the thinking.",
        "否：模型仍会思考，但回答中不包含思考内容。",
        "いいえの場合、モデルは考えますが、回答に思考内容は含まれません。",
        "Não: o modelo ainda raciocina, mas a resposta não contém o raciocínio.",
    ),
    "repeat_penalty": (
        "Above 1 discourages repetition, 1 switches it off.",
        "大于 1 会抑制重复，1 表示关闭。",
        "1 より大きいと繰り返しを抑えます。1 で無効です。",
        "Acima de 1 desencoraja repetições; 1 desativa.",
    ),
    "repeat_last_n": (
        "How many tokens back repetition is looked for; 0 switches it off, -1 means the whole context.",
        "向前检查重复的 token 数；0 表示关闭，-1 表示整个上下文。",
        "繰り返しを調べる直近のトークン数です。0 で無効、-1 でコンテキスト全体です。",
        "Quantos tokens anteriores são verificados; 0 desativa, -1 é o contexto inteiro.",
    ),
    "presence_penalty": (
        "Above 0 makes tokens that occurred already less likely.",
        "大于 0 时降低已出现过的 token 的概率。",
        "0 より大きいと、すでに出たトークンの確率を下げます。",
        "Acima de 0 torna menos prováveis os tokens que já apareceram.",
    ),
    "frequency_penalty": (
        "Above 0 makes tokens less likely the more often they occurred.",
        "大于 0 时，出现次数越多的 token 概率越低。",
        "0 より大きいと、出現回数が多いトークンほど確率を下げます。",
        "Acima de 0 torna os tokens menos prováveis quanto mais apareceram.",
    ),
    "seed": (
        "The same number, prompt and settings give the same answer; -1 is random.",
        "相同的种子、提示词和设置会得到相同的回答；-1 表示随机。",
        "同じ値・同じプロンプト・同じ設定なら同じ回答になります。-1 は毎回ランダムです。",
        "O mesmo número, prompt e configuração dão a mesma resposta; -1 é aleatório.",
    ),
    "stop": (
        "The answer ends where one of these texts would appear. One text, or a JSON list of texts.",
        "出现其中任一文本时回答结束。可填一个文本，或由文本组成的 JSON 列表。",
        "いずれかの文字列が現れた時点で回答を終了します。文字列 1 つ、または文字列の JSON リストを指定します。",
        "A resposta termina onde um destes textos apareceria. Um texto, ou uma lista JSON de textos.",
    ),
    "format": (
        "json makes the answer valid JSON. For a given structure use the JSON Schema.",
        "json 使回答成为合法的 JSON。需要固定结构时请使用 JSON Schema。",
        "json を選ぶと回答が有効な JSON になります。構造を決める場合は JSON Schema を使ってください。",
        "json faz da resposta um JSON válido. Para uma estrutura definida use o JSON Schema.",
    ),
    "json_schema": (
        "The answer follows this schema. Bare, or wrapped with name and schema. Thinking is not shown in such answers.",
        "回答将遵循该 schema，可直接填写，也可用 name 和 schema 包裹。此类回答不显示思考内容。",
        "回答はこのスキーマに従います。そのまま、または name と schema で包んで指定できます。この場合、思考は表示されません。",
        "A resposta segue este schema, puro ou com name e schema. Nessas respostas o raciocínio não é mostrado.",
    ),
    "keep_alive": (
        "How long the model stays loaded after the answer: seconds (300), a duration (5m, 1h30m), forever (-1), or 0 to unload at once.",
        "回答后模型保留在内存中的时间：秒数（300）、时长（5m、1h30m）、forever（-1），或 0 表示立即卸载。",
        "回答後にモデルを保持する時間です。秒数（300）、期間（5m、1h30m）、forever（-1）、0（すぐに解放）を指定します。",
        "Quanto tempo o modelo fica carregado após a resposta: segundos (300), duração (5m, 1h30m), forever (-1), ou 0 para descarregar.",
    ),
    "num_ctx": (
        "Context window in tokens for this call only. A value other than the context size of the model settings reloads the model.",
        "仅对本次调用生效的上下文窗口（token）。若与模型设置中的上下文长度不同，服务器会重新加载模型。",
        "この呼び出しだけのコンテキスト長（トークン）です。モデル設定と異なる値にすると、サーバーがモデルを読み込み直します。",
        "Janela de contexto em tokens só para esta chamada. Um valor diferente do das configurações faz o servidor recarregar o modelo.",
    ),
    "num_keep": (
        "Tokens at the start of the prompt that stay when the context overflows; -1 keeps all of the prompt.",
        "上下文溢出时保留的开头 token 数；-1 表示保留整个提示词。",
        "コンテキストがあふれたときに残す先頭のトークン数です。-1 はプロンプト全体を残します。",
        "Tokens do início do prompt que permanecem quando o contexto transborda; -1 mantém todo o prompt.",
    ),
    "num_batch": (
        "Prompt tokens processed at once. A change reloads the model.",
        "一次处理的提示词 token 数。修改会重新加载模型。",
        "一度に処理するプロンプトのトークン数です。変更するとモデルを読み込み直します。",
        "Tokens do prompt processados de uma vez. Alterar recarrega o modelo.",
    ),
    "num_gpu": (
        "Number of model layers on the GPU, not of GPUs; -1 lets the server decide, 0 uses the CPU only. A change reloads the model.",
        "放在 GPU 上的模型层数（不是 GPU 数量）；-1 由服务器决定，0 仅用 CPU。修改会重新加载模型。",
        "GPU に置くモデルのレイヤー数です（GPU の台数ではありません）。-1 は自動、0 は CPU のみです。変更するとモデルを読み込み直します。",
        "Número de camadas do modelo na GPU, não de GPUs; -1 é automático, 0 usa só a CPU. Alterar recarrega o modelo.",
    ),
    "main_gpu": (
        "Index of the GPU that holds small tensors when several are used. A change reloads the model.",
        "使用多个 GPU 时存放小张量的 GPU 序号。修改会重新加载模型。",
        "複数の GPU を使うとき、小さなテンソルを置く GPU の番号です。変更するとモデルを読み込み直します。",
        "Índice da GPU que guarda tensores pequenos quando há várias. Alterar recarrega o modelo.",
    ),
    "num_thread": (
        "CPU threads to compute with; 0 lets the server decide. A change reloads the model.",
        "用于计算的 CPU 线程数；0 由服务器决定。修改会重新加载模型。",
        "計算に使う CPU スレッド数です。0 は自動です。変更するとモデルを読み込み直します。",
        "Threads de CPU usadas no cálculo; 0 é automático. Alterar recarrega o modelo.",
    ),
    "use_mmap": (
        "Maps the model file into memory instead of reading it. Leave it unset unless you know why. A change reloads the model.",
        "将模型文件映射到内存而不是读入。除非清楚用途，否则请不要设置。修改会重新加载模型。",
        "モデルファイルを読み込まずにメモリへマップします。理由がなければ設定しないでください。変更するとモデルを読み込み直します。",
        "Mapeia o arquivo do modelo em memória em vez de lê-lo. Deixe sem definir se não houver motivo. Alterar recarrega o modelo.",
    ),
    "draft_num_predict": (
        "Tokens guessed ahead by the draft model, where the model has one; 0 switches it off. A change reloads the model.",
        "草稿模型（若有）提前预测的 token 数；0 表示关闭。修改会重新加载模型。",
        "ドラフトモデルがある場合に先読みするトークン数です。0 で無効です。変更するとモデルを読み込み直します。",
        "Tokens previstos pelo modelo de rascunho, se houver; 0 desativa. Alterar recarrega o modelo.",
    ),
}
