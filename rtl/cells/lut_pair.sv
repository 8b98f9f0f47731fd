// Two functions of the same five bits in one LUT: bit i_i of each table.
module lut_pair #(
  parameter logic [31:0] Table0 = '0,
  parameter logic [31:0] Table1 = '0
) (
  input  logic [4:0] i_i,
  output logic [1:0] o_o
);
`ifdef ACCLLM_PRIMITIVES
  LUT6_2 #(.INIT({Table1, Table0})) u_lut (
    .I0(i_i[0]), .I1(i_i[1]), .I2(i_i[2]), .I3(i_i[3]), .I4(i_i[4]), .I5(1'b1),
    .O5(o_o[0]), .O6(o_o[1])
  );
`else
  assign o_o = {Table1[i_i], Table0[i_i]};
`endif
endmodule
