// Codes that share their bytes with those of a store-kv's values: of each token, head and set four
// of every lane, out of old beats. They are taken before they are needed, and wait in order.
module old_codes #(
  parameter int unsigned Lanes = 2,   // a power of two, 2 to 32
  parameter int unsigned Slots = 4,
  parameter int unsigned Depth = 128, // sets that wait, a power of two
  localparam int unsigned SlotW   = kv_pkg::SlotW,
  localparam int unsigned HeadsW  = ctrl_pkg::HeadsW,
  localparam int unsigned SetsW   = ctrl_pkg::SetsW,
  localparam int unsigned TokensW = ctrl_pkg::TokensW
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   split_i,     // two slots a beat of keys
  input  logic                   start_i,
  output logic                   done_o,      // with the last beat
  input  logic [TokensW-1:0]     n_tokens_i,
  input  logic [HeadsW-1:0]      heads_i,
  input  logic [SetsW-1:0]       sets_i,
  input  logic [SlotW*Slots-1:0] slots_i,     // [token]
  // Beats: segment j's words are there j + 1 cycles later.
  output logic                   room_o,
  input  logic                   beat_i,
  input  logic [512*Lanes-1:0]   word_i,      // [lane][segment]
  output logic                   valid_o,
  input  logic                   ready_i,
  output logic [16*Lanes-1:0]    codes_o      // [lane][dimension]
);
  localparam int unsigned LaneW  = $clog2(Lanes);
  localparam int unsigned Stages = rce_pkg::Segments;
  localparam int unsigned CountW = $clog2(Depth) + 1;
  // Of a row: its place in a chunk of heads of 128 dimensions.
  localparam int unsigned RowW = 5 - LaneW;

  // Which token, head and set a beat is of.
  logic               left_q, ends_sets, ends_heads, ends_tokens;
  logic [TokensW-1:0] token_q;
  logic [HeadsW-1:0]  head_q;
  logic [SetsW-1:0]   set_q;
  logic [CountW-1:0]  room_q;
  assign ends_sets   = set_q == sets_i - 1'b1;
  assign ends_heads  = ends_sets && head_q == heads_i - 1'b1;
  assign ends_tokens = ends_heads && token_q == n_tokens_i - 1'b1;
  assign done_o      = beat_i && ends_tokens;
  assign room_o      = left_q && room_q != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q <= 1'b0;
      room_q <= CountW'(Depth);
    end else begin
      left_q <= start_i || (left_q && !done_o);
      room_q <= room_q + CountW'(valid_o && ready_i) - CountW'(beat_i);
    end
    if (start_i) begin
      token_q <= '0;
      head_q  <= '0;
      set_q   <= '0;
    end else if (beat_i) begin
      set_q <= ends_sets ? '0 : set_q + 1'b1;
      if (ends_sets) head_q <= ends_heads ? '0 : head_q + 1'b1;
      if (ends_heads) token_q <= token_q + 1'b1;
    end
  end

  // Where the slot stands in its chunk: heads are turned against each other.
  logic [SlotW-1:0] slot, beat;
  logic [LaneW-1:0] lane;
  logic [4:0]       turned, position;
  always_comb begin
    slot = '0;
    for (int unsigned t = 0; t < Slots; t++) begin
      if (token_q == TokensW'(t)) slot = slots_i[SlotW*t +: SlotW];
    end
  end
  assign beat     = split_i ? {1'b0, slot[SlotW-1:1]} : slot;
  assign lane     = beat[LaneW-1:0] + head_q[LaneW-1:0];
  if (RowW == 0) begin : gen_one_row
    assign turned = lane;
  end else begin : gen_rows
    assign turned = {beat[LaneW +: RowW], lane};
  end
  assign position = split_i ? {turned[3:0], slot[0]} : turned;

  // A dimension is in two segments, of which the position's place says one; its code is there when
  // the second one's word is, whichever it is.
  logic [Stages:0] valid_q;             // [cycles since the beat]
  logic [4:0]      position_q [Stages+1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[Stages-1:0], beat_i};
    position_q[0] <= position;
    for (int unsigned i = 1; i <= Stages; i++) position_q[i] <= position_q[i-1];
  end
  logic [16*Lanes-1:0] codes;
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    for (genvar d = 0; d < 4; d++) begin : gen_dimension
      logic [127:0] bytes;
      logic [3:0]   first_q, code_q;
      logic [3:0]   now, after;  // byte of the segment, nibble of the old code
      logic [3:0]   first, second;
      assign bytes = word_i[512*l+128*d +: 128];
      assign now   = {position_q[2*d][2:0], !position_q[2*d][4]};
      assign after = {position_q[2*d+1][2:0], !position_q[2*d+1][4]};
      mux_wide #(.Width(4), .Inputs(16)) u_first (
        .data_i(bytes[63:0]), .select_i(now), .data_o(first)
      );
      mux_wide #(.Width(4), .Inputs(16)) u_second (
        .data_i(bytes[127:64]), .select_i(after), .data_o(second)
      );
      always_ff @(posedge clk_i) begin
        first_q <= first;
        code_q  <= position_q[2*d+1][3] ? second : first_q;
      end
      if (d == 3) begin : gen_last
        assign codes[16*l+4*d +: 4] = code_q;
      end else begin : gen_waits
        delay_data #(.Width(4), .Stages(6 - 2 * d)) u_code (
          .clk_i, .en_i(1'b1), .data_i(code_q), .data_o(codes[16*l+4*d +: 4])
        );
      end
    end
  end
  logic              unused_ready;
  logic [CountW-1:0] unused_count;
  fifo_sync #(.Width(16 * Lanes), .Depth(Depth), .Style("block")) u_wait (
    .clk_i, .rst_ni, .valid_i(valid_q[Stages]), .ready_o(unused_ready), .data_i(codes), .valid_o,
    .ready_i, .data_o(codes_o), .count_o(unused_count)
  );

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!beat_i || room_o) else $error("an old beat too early");
      assert (!start_i || !left_q) else $error("a start before the last one has ended");
    end
  end
`endif
  logic unused;
  assign unused = ^{slot, beat, slots_i};
endmodule
