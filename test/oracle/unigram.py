"""Unigram models of tokenizer.json: the best path through all pieces, in doubles.

Written from Kudo 2018 and the published rules: scores are summed from the left; a character that no
piece spells alone may be unknown, at the lowest score less 10; of equal sums the earlier start.
"""


class Unigram:
    def __init__(self, model):
        self.score = dict(map(tuple, model["vocab"]))
        self.ids = {piece: i for i, (piece, _) in enumerate(model["vocab"])}
        self.unk, self.fallback = model["unk_id"], model.get("byte_fallback", False)
        self.unk_score = min(score for _, score in model["vocab"]) - 10.0
        self.longest = max(map(len, self.ids))

    def encode_word(self, word):
        best = [(0.0, 0)] + [None] * len(word)
        for end in range(1, len(word) + 1):
            for start in range(max(0, end - self.longest), end):
                piece = word[start:end]
                score = self.score.get(piece)
                if score is None and end - start == 1:
                    score = self.unk_score
                if score is not None:
                    total = best[start][0] + score
                    if best[end] is None or total > best[end][0]:
                        best[end] = (total, start)
        pieces, end = [], len(word)
        while end:
            pieces.insert(0, word[best[end][1]:end])
            end = best[end][1]
        return self.ids_of(pieces)

    def ids_of(self, pieces):
        """Unknown pieces in a row, the unknown token's own among them, are one string."""
        joined = []
        for piece in pieces:
            unknown = self.ids.get(piece, self.unk) == self.unk
            if unknown and joined and joined[-1][1]:
                joined[-1][0] += piece
            else:
                joined.append([piece, unknown])
        return [i for piece, _ in joined for i in self.ids_of_piece(piece)]

    def ids_of_piece(self, piece):
        if piece in self.ids:
            return [self.ids[piece]]
        if self.fallback:
            return [self.ids[f"<0x{b:02X}>"] for b in piece.encode(errors="surrogateescape")]
        return [self.unk]
