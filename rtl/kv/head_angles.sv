// Cosines and sines of all tokens of a pass, at their positions and where they meet the sinks.
//
// Beats of angles come in one stream, a beat a cycle if they like: each segment has a memory of its
// own, for segment j's word comes j + 1 cycles after the beat. Four cosines are in two segments,
// and so are their sines, in the same ones.
module head_angles #(
  parameter int unsigned Slots = 4
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic                          split_i,   // 64 dimensions
  input  logic                          start_i,   // the next beat is the first one
  input  logic                          beat_i,
  input  logic [511:0]                  word_i,    // [segment]: [token][cosines, sines, far ones]
  // Those of four dimensions, two cycles later.
  input  logic [head_pkg::TokenW-1:0]   token_i,
  input  logic                          is_far_i,
  input  logic [4:0]                    group_i,   // dimensions 4 * group and on
  output logic [127:0]                  cosine_o,
  output logic [127:0]                  sine_o     // of the first half with the sign flipped
);
  localparam int unsigned Segments = rce_pkg::Segments;
  localparam int unsigned SlotW    = $clog2(Slots);
  localparam int unsigned AddrW    = SlotW + 4;  // beats of a token: 16, or 8

  logic [AddrW-1:0] count_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) count_q <= '0;
    else if (beat_i) count_q <= count_q + 1'b1;
  end

  // Where the word of each segment goes, when it is there.
  localparam int unsigned WriteW = AddrW + 1;
  logic [Segments*WriteW-1:0] writes_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) writes_q <= '0;
    else writes_q <= {writes_q[WriteW*(Segments-1)-1:0], beat_i, count_q};
  end

  // A token's beats: 4 of each of four kinds, or 2.
  logic [SlotW-1:0]   token;
  logic [2*AddrW-1:0] raddr;  // of cosines, of sines
  logic               is_first_half;
  logic [1:0]         pair_q;
  logic               flip_q;
  assign token         = token_i[SlotW-1:0];
  assign is_first_half = split_i ? !group_i[3] : !group_i[4];
  for (genvar i = 0; i < 2; i++) begin : gen_raddr
    assign raddr[AddrW*i +: AddrW] = split_i ? {1'b0, token, is_far_i, 1'(i), group_i[2]}
                                             : {token, is_far_i, 1'(i), group_i[3:2]};
  end
  always_ff @(posedge clk_i) begin
    pair_q <= group_i[1:0];
    flip_q <= is_first_half;
  end

  logic [2*64*Segments-1:0] words;  // [cosine, sine][segment]
  for (genvar j = 0; j < Segments; j++) begin : gen_segment
    for (genvar i = 0; i < 2; i++) begin : gen_kind
      ram_1w1r #(.Width(64), .Depth(2 ** AddrW), .Style("block")) u_words (
        .clk_i, .we_i(writes_q[WriteW*j+AddrW]), .waddr_i(writes_q[WriteW*j +: AddrW]),
        .wdata_i(word_i[64*j +: 64]), .re_i(1'b1), .raddr_i(raddr[AddrW*i +: AddrW]),
        .rdata_o(words[64*(Segments*i+j) +: 64])
      );
    end
  end
  always_ff @(posedge clk_i) begin
    cosine_o <= words[128*pair_q +: 128];
    sine_o   <= words[64*Segments+128*pair_q +: 128] ^ {4{flip_q, 31'd0}};
  end

  logic unused;
  assign unused = ^token_i;
endmodule
