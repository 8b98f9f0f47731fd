// Softmax of a lane: scores become exponentials and weights,
//
//     p = Exp2NegQ30(largest - score),  w = float(p) * value scale,
//
// both 0 where a token is not seen.
module weigh_lane #(
  localparam int unsigned ScoreW = kv_pkg::ScoreW,
  localparam int unsigned PowerW = kv_pkg::PowerW
) (
  input  logic              clk_i,
  // A cycle after the walk's step.
  input  logic [ScoreW-1:0] score_i,    // seen, score
  input  logic [15:0]       value_scale_i,
  input  logic [31:0]       largest_i,  // of all lanes' scores of the query
  output logic [PowerW-1:0] power_o,    // PowerStages after the step
  output logic [31:0]       weight_o    // WeightStages after it
);
  localparam int unsigned PowerStages = kv_pkg::PowerStages;
  localparam int unsigned WeightStages = kv_pkg::WeightStages;
  localparam int unsigned ConvertStages = fp_pkg::FromIntLatency;
  if (PowerStages != 1 + fp_pkg::AddLatency + fp_pkg::Exp2ArgLatency + fp_pkg::Exp2Latency
      || WeightStages != PowerStages + ConvertStages + fp_pkg::MulLatency) begin : gen_check_latency
    $error("kv_pkg's stages must be those of the units");
  end

  logic [31:0]                 distance, converted, scale, weight;
  logic [fp_pkg::Exp2ArgW-1:0] argument;
  logic [16:0]                 man;
  logic [5:0]                  places;
  logic [PowerW-1:0]           power;
  fp_add u_distance (
    .clk_i, .en_i(1'b1), .a_i(largest_i), .b_i({!score_i[31], score_i[30:0]}), .sum_o(distance)
  );
  exp2_argument u_argument (.clk_i, .en_i(1'b1), .x_i(distance), .argument_o(argument));
  exp2_neg_q30 u_power (
    .clk_i, .en_i(1'b1), .x_i(argument), .man_o(man), .places_o(places), .power_o(power)
  );
  exp2_float u_convert (
    .clk_i, .en_i(1'b1), .man_i(man), .places_i(places), .result_o(converted)
  );

  logic        seen_at_power, seen_at_weight;
  logic [15:0] half;
  delay_ring #(.Width(1), .Delay(PowerStages - 1)) u_seen (
    .clk_i, .en_i(1'b1), .data_i(score_i[ScoreW-1]), .data_o(seen_at_power)
  );
  delay_ring #(.Width(1), .Delay(WeightStages - PowerStages)) u_seen_late (
    .clk_i, .en_i(1'b1), .data_i(seen_at_power), .data_o(seen_at_weight)
  );
  delay_ring #(.Width(16), .Delay(PowerStages - 1 + ConvertStages)) u_half (
    .clk_i, .en_i(1'b1), .data_i(value_scale_i), .data_o(half)
  );
  half_to_fp u_scale (.half_i(half), .result_o(scale));
  fp_mul_normal u_weight (
    .clk_i, .en_i(1'b1), .a_i(converted), .b_i(scale), .product_o(weight)
  );
  assign power_o  = power & {PowerW{seen_at_power}};
  assign weight_o = weight & {32{seen_at_weight}};
endmodule
