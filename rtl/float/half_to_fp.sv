// Binary16 to binary32, exact. Combinational.
module half_to_fp (
  input  logic [15:0] half_i,
  output logic [31:0] result_o
);
  logic       is_low, is_all;
  logic [3:0] zeros;
  logic [9:0] man;
  logic [7:0] exp;
  logic       unused_one;
  assign is_low = half_i[14:10] == 5'd0;
  assign is_all = half_i[14:10] == 5'h1F;
  // A subnormal number moves its first one to where the hidden bit is.
  fp_leading_zeros #(.Width(11)) u_zeros (.value_i({!is_low, half_i[9:0]}), .zeros_o(zeros));
  assign {unused_one, man} = {!is_low, half_i[9:0]} << zeros;

  always_comb begin
    if (is_all) exp = 8'hFF;
    else if (!is_low) exp = {3'd0, half_i[14:10]} + 8'd112;
    else exp = half_i[9:0] == 10'd0 ? 8'd0 : 8'd113 - 8'(zeros);
  end
  assign result_o = {half_i[15], exp, man, 13'd0};
endmodule
