// A stage of the transform whose pairs lie within a beat: dimensions 1 or 2 apart become their sum
// and their difference.
module hadamard_pairs #(
  parameter int unsigned Distance = 1  // 1 or 2
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         valid_i,
  input  logic [127:0] beat_i,
  output logic         valid_o,  // AddLatency later
  output logic [127:0] beat_o
);
  for (genvar i = 0; i < 4; i++) begin : gen_dimension
    localparam int unsigned First = i & ~Distance;
    localparam int unsigned Second = i | Distance;
    localparam logic IsDifference = 1'(i / Distance);
    fp_add u_add (
      .clk_i, .en_i(1'b1), .a_i(beat_i[32*First +: 32]),
      .b_i(beat_i[32*Second +: 32] ^ {IsDifference, 31'd0}), .sum_o(beat_o[32*i +: 32])
    );
  end
  delay_line #(.Width(1), .Stages(fp_pkg::AddLatency)) u_valid (
    .clk_i, .clear_i(!rst_ni), .data_i(valid_i), .data_o(valid_o)
  );
endmodule
