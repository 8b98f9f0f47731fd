// Where tiles of logits go: half a beat of a stripe. Known a few cycles after tile_i, long before a
// tile's last row comes.
module logit_place #(
  parameter int unsigned Slots = 4,
  localparam int unsigned SlotW  = $clog2(Slots),
  localparam int unsigned RoundW = ctrl_pkg::RoundW
) (
  input  logic              clk_i,
  input  logic [31:0]       address_i,    // first stripe of the first token's logits
  input  logic [RoundW-1:0] rounds_i,     // of a token
  input  logic              tile_i,
  input  logic [SlotW-1:0]  tile_token_i,
  input  logic [RoundW-1:0] tile_round_i,
  output logic [31:0]       stripe_o,
  output logic              is_upper_o    // half of the beat
);
  logic [SlotW-1:0]  token_q;
  logic [RoundW-1:0] round_q, stripes_q;
  logic [RoundW+SlotW-1:0] skipped_q;
  logic [31:0]       first_q;
  always_ff @(posedge clk_i) begin
    if (tile_i) begin
      token_q <= tile_token_i;
      round_q <= tile_round_i;
    end
    stripes_q  <= RoundW'(rounds_i[RoundW-1:1]) + RoundW'(rounds_i[0]);
    skipped_q  <= token_q * stripes_q;
    first_q    <= address_i + 32'(round_q[RoundW-1:1]);
    stripe_o   <= first_q + 32'(skipped_q);
    is_upper_o <= round_q[0];
  end
endmodule
