// The rotation of four dimensions: own * cosine + partner * sine, where the sine of a dimension in
// the first half of the head comes with its sign flipped. A product with it is the negative one,
// rounding included.
module rope (
  input  logic         clk_i,
  input  logic [127:0] own_i,      // x[i]
  input  logic [127:0] partner_i,  // x[i +- head_dim / 2]
  input  logic [127:0] cosine_i,
  input  logic [127:0] sine_i,
  output logic [127:0] rotated_o   // RopeStages later
);
  if (head_pkg::RopeStages != fp_pkg::MulLatency + fp_pkg::AddLatency) begin : gen_check_stages
    $error("the stages of head_pkg must be those of the units");
  end

  for (genvar i = 0; i < 4; i++) begin : gen_dimension
    logic [31:0] along, across;
    fp_mul u_along (
      .clk_i, .en_i(1'b1), .a_i(own_i[32*i +: 32]), .b_i(cosine_i[32*i +: 32]), .product_o(along)
    );
    fp_mul u_across (
      .clk_i, .en_i(1'b1), .a_i(partner_i[32*i +: 32]), .b_i(sine_i[32*i +: 32]), .product_o(across)
    );
    fp_add u_add (
      .clk_i, .en_i(1'b1), .a_i(along), .b_i(across), .sum_o(rotated_o[32*i +: 32])
    );
  end
endmodule
