// Makes beats of logits: collects a tile's rows in every lane, and offers them to the channels as
// half a beat each. One tile at a time: its place comes with tile_i before its last row, and
// taken_o says that all channels have it.
module logit_writer #(
  parameter int unsigned Lanes = 4,
  parameter int unsigned Slots = 4,
  localparam int unsigned SlotW  = $clog2(Slots),
  localparam int unsigned RoundW = ctrl_pkg::RoundW,
  localparam int unsigned BeatW  = accllm_pkg::BeatBytes * 8,
  localparam int unsigned TileW  = BeatW / 2
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic [31:0]             address_i,    // first stripe of the first token's logits
  input  logic [RoundW-1:0]       rounds_i,     // of a token
  input  logic                    tile_i,
  input  logic [SlotW-1:0]        tile_token_i,
  input  logic [RoundW-1:0]       tile_round_i,
  output logic                    taken_o,
  // Rows, as the vector unit puts them out.
  input  logic                    valid_i,
  input  logic                    last_i,       // of a tile
  input  logic [32*Lanes-1:0]     value_i,      // [lane]
  // A stripe of beats.
  output logic [Lanes-1:0]        valid_o,
  input  logic [Lanes-1:0]        ready_i,
  output logic [31:0]             stripe_o,
  output logic                    is_upper_o,   // half of the beat
  output logic [TileW*Lanes-1:0]  tile_o        // [lane][row]
);
  // Where the tile goes: known long before its last row comes.
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

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [TileW-1:0] tile_q;
    always_ff @(posedge clk_i) if (valid_i) tile_q <= {value_i[32*l +: 32], tile_q[TileW-1:32]};
    assign tile_o[TileW*l +: TileW] = tile_q;
  end

  logic [Lanes-1:0] left;
  assign left    = valid_o & ~ready_i;
  assign taken_o = valid_o != '0 && left == '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= '0;
    else if (valid_i && last_i) valid_o <= '1;
    else valid_o <= left;
  end
endmodule
