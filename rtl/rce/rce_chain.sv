// How the eight segments of a lane add up: for each, whether the sum of the segment before counts,
// and whether (odd ones) its own last sum does.
//
//   weights, keys   all eight are a chain; two chains of four for keys of 64 dimensions
//   values          pairs of segments are a dimension each; the second holds the sum over chunks
//   unload          sums of values move one dimension down the chain, in this order: 2, 1, 0
//   otherwise       sums of values stay
module rce_chain (
  input  logic           clk_i,
  input  logic           clear_i,
  input  rce_pkg::beat_t beat_i,
  output logic [7:0]     cascade_o,  // segment j: 1 + CascadeDelay + j cycles later
  output logic [7:0]     feedback_o
);
  localparam int unsigned LinkW = 6;
  logic is_data, is_value;
  logic [LinkW-1:0] link;  // {is_sum, is_value, is_unload or start, split, beat}
  assign is_data = beat_i.kind == rce_pkg::KindData;
  assign is_value = beat_i.mode == rce_pkg::ModeValue;
  assign link = {is_data && !is_value, is_data && is_value,
                 is_data ? beat_i.start : beat_i.kind == rce_pkg::KindUnload,
                 beat_i.split, beat_i.beat};

  logic [8*LinkW-1:0] links;  // [segment], a cycle before it is needed
  delay_line #(.Width(LinkW), .Stages(rce_pkg::CascadeDelay)) u_first (
    .clk_i, .clear_i, .data_i(link), .data_o(links[0 +: LinkW])
  );
  for (genvar j = 0; j < 8; j++) begin : gen_segment
    if (j > 0) begin : gen_next
      delay_line #(.Width(LinkW), .Stages(1)) u_delay (
        .clk_i, .clear_i, .data_i(links[LinkW*(j-1) +: LinkW]), .data_o(links[LinkW*j +: LinkW])
      );
    end
    logic sum, value, flag, split;
    logic [1:0] moved;
    assign {sum, value, flag, split, moved} = links[LinkW*j +: LinkW];

    logic moves;  // takes part in this unloading
    assign moves = 3'(j / 2) + 3'(moved) >= 3'd4;
    always_ff @(posedge clk_i) begin
      if (sum) begin
        cascade_o[j] <= j != 0 && !(j == 4 && split);
        feedback_o[j] <= 1'b0;
      end else if (value) begin
        cascade_o[j] <= j % 2 == 1;
        feedback_o[j] <= !flag;
      end else begin
        cascade_o[j] <= flag && moves;
        feedback_o[j] <= !(flag && moves);
      end
    end
  end

  logic unused;
  assign unused = ^{beat_i.half, beat_i.row, beat_i.entry, beat_i.last, beat_i.upper};
endmodule
