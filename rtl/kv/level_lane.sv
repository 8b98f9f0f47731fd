// Weights of a lane become levels of each group of dimensions, and what the zero points of its
// values add:
//
//     n = round(w * inverse), 0..2167;  level = (n * multiplier + 128) >> 8;  level * (8 - zero)
module level_lane #(
  localparam int unsigned LevelW = kv_pkg::LevelW,
  localparam int unsigned TermW = kv_pkg::TermW,
  localparam int unsigned Groups = rce_pkg::Groups
) (
  input  logic                     clk_i,
  // A cycle after the walk's step.
  input  logic [31:0]              weight_i,
  input  logic [31:0]              inverse_i,  // 2167 / the largest weight of the chunk
  input  logic [8*Groups-1:0]      group_i,    // [group]: zero point and multiplier
  // LevelStages after it.
  output logic [LevelW*Groups-1:0] level_o,    // [group]
  output logic [TermW*Groups-1:0]  term_o      // [group]
);
  localparam int unsigned WholeW = 13;
  localparam int unsigned WholeStages = 1 + fp_pkg::MulLatency + fp_pkg::ToIntLatency;
  localparam int unsigned ProductW = 16;
  if (kv_pkg::LevelStages != WholeStages + 5) begin : gen_check_latency
    $error("LevelStages must be those of the units and five");
  end

  logic [31:0]         scaled;
  logic [WholeW-1:0]   whole;
  logic [8*Groups-1:0] group;
  fp_mul_normal u_scaled (
    .clk_i, .en_i(1'b1), .a_i(weight_i), .b_i(inverse_i), .product_o(scaled)
  );
  fp_to_int #(.Width(WholeW), .Low(0), .High(kv_pkg::MaxSlotWeight), .OfNan(0)) u_whole (
    .clk_i, .en_i(1'b1), .x_i(scaled), .int_o(whole)
  );
  delay_ring #(.Width(8 * Groups), .Delay(WholeStages - 1)) u_group (
    .clk_i, .en_i(1'b1), .data_i(group_i), .data_o(group)
  );

  logic unused;
  logic [LevelW*Groups-1:0] level2_q;
  logic [TermW*Groups-1:0]  term_q;
  assign unused = whole[WholeW-1];
  always_ff @(posedge clk_i) begin
    level_o <= level2_q;
    term_o  <= term_q;
  end
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    // Products with four bits, as sums of two and two: a DSP each would be too many.
    logic [3:0]                multiplier, zero_q, zero2_q;
    logic [ProductW-1:0]       n, low_q, high_q, product_q;
    logic [LevelW-1:0]         level_q;
    logic signed [TermW-1:0]   level, taken_q, rest_q;
    logic                      unused_rest;
    assign n           = ProductW'(whole[WholeW-2:0]);
    assign multiplier  = group[8*g +: 4];
    assign level       = $signed(TermW'(product_q[8 +: LevelW]));
    assign unused_rest = ^{product_q[ProductW-1], product_q[7:0]};
    always_ff @(posedge clk_i) begin
      low_q     <= (multiplier[0] ? n : '0) + (multiplier[1] ? n << 1 : '0);
      high_q    <= (multiplier[2] ? n << 2 : '0) + (multiplier[3] ? n << 3 : '0);
      zero_q    <= group[8*g+4 +: 4];
      product_q <= low_q + high_q + ProductW'(128);
      zero2_q   <= zero_q;

      level_q <= level[LevelW-1:0];
      taken_q <= (zero2_q[0] ? level : '0) + (zero2_q[1] ? level <<< 1 : '0);
      rest_q  <= (zero2_q[3] ? '0 : level <<< 3) - (zero2_q[2] ? level <<< 2 : '0);
      level2_q[LevelW*g +: LevelW] <= level_q;
      term_q[TermW*g +: TermW]     <= rest_q - taken_q;
    end
  end
endmodule
